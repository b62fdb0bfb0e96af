#include "object_codec.h"

#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>

#include "kernel_version.h"
#include "message_writer.h"

namespace anycast {

namespace {

// struct nexthop_grp of Linux 6.12. Before, the high byte was reserved and had to be 0.
struct Member {
  uint32_t id;
  uint8_t weight;       // low byte of the weight minus 1
  uint8_t weight_high;  // high byte of the same
  uint16_t reserved;
};
static_assert(sizeof(Member) == sizeof(nexthop_grp));

void AppendTarget(MessageWriter& writer, const RecordView& record) {
  const PackedNexthop nexthop = record.nexthop(0);
  writer.Attribute(NHA_OIF, nexthop.interface_index);
  if (nexthop.gateway_family == 0) return;
  writer.Attribute(NHA_GATEWAY, nexthop.gateway, AddressLength(nexthop.gateway_family));
}

void AppendMembers(MessageWriter& writer, const RecordView& record) {
  const size_t count = record.route.nexthop_count;
  uint8_t* at = writer.ReserveAttribute(NHA_GROUP, count * sizeof(Member));
  for (size_t i = 0; i < count; i++, at += sizeof(Member)) {
    const PackedNexthop member = record.nexthop(i);
    const int weight = std::min(member.weight, MaximumMemberWeight()) - 1;
    Member entry{};
    entry.id = member.interface_index;
    entry.weight = static_cast<uint8_t>(weight & 0xff);
    entry.weight_high = static_cast<uint8_t>(weight >> 8);
    std::memcpy(at, &entry, sizeof entry);
  }
}

void AppendResilience(MessageWriter& writer, const PackedNexthopObject& object) {
  nlattr* nest = writer.OpenNest(NHA_RES_GROUP | NLA_F_NESTED);
  writer.Attribute(NHA_RES_GROUP_BUCKETS, object.buckets);
  writer.Attribute(NHA_RES_GROUP_IDLE_TIMER, object.idle_timer);
  writer.Attribute(NHA_RES_GROUP_UNBALANCED_TIMER, object.unbalanced_timer);
  writer.CloseNest(nest);
}

uint16_t RequestFlags(uint8_t operation) {
  switch (operation) {
    case kCreateObject:
      return NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL;
    case kReplaceObject:
      return NLM_F_REQUEST | NLM_F_REPLACE;
    default:
      return NLM_F_REQUEST;
  }
}

template <typename T>
T Read(const nlattr* attribute) {
  T value{};
  std::memcpy(&value, nla_data(attribute),
              std::min<size_t>(sizeof value, static_cast<size_t>(nla_len(attribute))));
  return value;
}

void ReadMembers(const nlattr* attribute, std::vector<PackedNexthop>& members) {
  const auto* bytes = static_cast<const uint8_t*>(nla_data(attribute));
  constexpr int size = sizeof(Member);
  for (int rest = nla_len(attribute); rest >= size; rest -= size, bytes += size) {
    Member entry;
    std::memcpy(&entry, bytes, sizeof entry);
    PackedNexthop member{};
    member.interface_index = entry.id;
    const int weight = (entry.weight_high << 8 | entry.weight) + 1;
    member.weight = static_cast<uint16_t>(std::min<int>(weight, UINT16_MAX));
    members.push_back(member);
  }
}

void ReadResilience(const nlattr* nest, PackedNexthopObject& object) {
  const nlattr* attribute = static_cast<const nlattr*>(nla_data(nest));
  int rest = nla_len(nest);
  for (; nla_ok(attribute, rest); attribute = nla_next(attribute, &rest)) {
    if (nla_type(attribute) == NHA_RES_GROUP_BUCKETS) object.buckets = Read<uint16_t>(attribute);
    if (nla_type(attribute) == NHA_RES_GROUP_IDLE_TIMER) object.idle_timer = Read<uint32_t>(attribute);
    if (nla_type(attribute) == NHA_RES_GROUP_UNBALANCED_TIMER)
      object.unbalanced_timer = Read<uint32_t>(attribute);
  }
}

}  // namespace

size_t EncodedObjectLimit(const PackedNexthopObject& object) {
  // Header, nhmsg and NHA_ID. Then NHA_OIF and NHA_GATEWAY, or NHA_GROUP, NHA_GROUP_TYPE and NHA_RES_GROUP
  // with three attributes.
  constexpr size_t fixed = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(nhmsg)) + RTA_SPACE(4) + RTA_SPACE(16) +
                           2 * RTA_SPACE(0) + 4 * RTA_SPACE(4);
  return fixed + object.nexthop_count * sizeof(Member);
}

size_t EncodeObject(const RecordView& record, uint32_t sequence, uint8_t* out) {
  const PackedNexthopObject object = record.object();
  MessageWriter writer(out, object.operation == kDeleteObject ? RTM_DELNEXTHOP : RTM_NEWNEXTHOP,
                       RequestFlags(object.operation), sequence);
  auto* message = writer.Reserve<nhmsg>();
  writer.Attribute(NHA_ID, object.id);
  if (object.operation != kDeleteObject) {
    message->nh_protocol = object.protocol;
    if (object.kind == kNexthop) {
      message->nh_family = object.family;
      message->nh_flags = record.nexthop(0).flags & RTNH_F_ONLINK;
      AppendTarget(writer, record);
    } else {
      AppendMembers(writer, record);
      const uint16_t type = object.kind == kResilientGroup ? NEXTHOP_GRP_TYPE_RES : NEXTHOP_GRP_TYPE_MPATH;
      writer.Attribute(NHA_GROUP_TYPE, type);
      if (object.kind == kResilientGroup) AppendResilience(writer, object);
    }
  }
  return writer.Finish();
}

void DecodeObject(const nlmsghdr* message, Operation operation, std::vector<uint8_t>& batch) {
  if (!nlmsg_valid_hdr(message, sizeof(nhmsg))) return;
  const auto* head = static_cast<const nhmsg*>(nlmsg_data(message));
  PackedNexthopObject object{};
  object.operation = operation;
  object.protocol = head->nh_protocol;
  PackedNexthop single{};
  single.weight = 1;
  single.flags = static_cast<uint8_t>(head->nh_flags);
  std::vector<PackedNexthop> members;
  const nlattr* attribute = nlmsg_attrdata(message, sizeof(nhmsg));
  int rest = nlmsg_attrlen(message, sizeof(nhmsg));
  for (; nla_ok(attribute, rest); attribute = nla_next(attribute, &rest)) {
    switch (nla_type(attribute)) {
      case NHA_ID:
        object.id = Read<uint32_t>(attribute);
        break;
      case NHA_OIF:
        single.interface_index = Read<uint32_t>(attribute);
        break;
      case NHA_GATEWAY:
        single.gateway_family = head->nh_family;
        std::memcpy(single.gateway, nla_data(attribute),
                    std::min(static_cast<size_t>(nla_len(attribute)), AddressLength(head->nh_family)));
        break;
      case NHA_GROUP:
        object.kind = std::max<uint8_t>(object.kind, kGroup);
        ReadMembers(attribute, members);
        break;
      case NHA_GROUP_TYPE:
        if (Read<uint16_t>(attribute) == NEXTHOP_GRP_TYPE_RES) object.kind = kResilientGroup;
        break;
      case NHA_RES_GROUP:
        ReadResilience(attribute, object);
        break;
      default:
        break;
    }
  }
  if (object.kind == kNexthop) {
    object.family = head->nh_family;
    members.push_back(single);
  }
  if (members.size() > kMaximumNexthops) members.resize(kMaximumNexthops);
  AppendObject(batch, object, members);
}

bool IsObjectOf(const nlmsghdr* message, std::span<const uint8_t> protocols) {
  if (!nlmsg_valid_hdr(message, sizeof(nhmsg))) return false;
  const uint8_t protocol = static_cast<const nhmsg*>(nlmsg_data(message))->nh_protocol;
  return std::find(protocols.begin(), protocols.end(), protocol) != protocols.end();
}

}  // namespace anycast
