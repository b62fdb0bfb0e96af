// Builds one netlink message in place.
#pragma once

#include <netlink/attr.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace anycast {

// Appends to the one message being built. Attributes go straight into the send buffer: with libnl's nla_put,
// which allocates and clears a page per message, encoding costs a third of what the kernel takes for an IPv4
// route.
class MessageWriter {
 public:
  explicit MessageWriter(uint8_t* start) : start_(start), end_(start) {}

  template <typename T>
  T* Reserve() {
    T* value = reinterpret_cast<T*>(end_);
    std::memset(value, 0, NLA_ALIGN(sizeof(T)));
    end_ += NLA_ALIGN(sizeof(T));
    return value;
  }
  void Attribute(uint16_t type, const void* data, size_t length) {
    std::memcpy(OpenAttribute(type, length), data, length);
  }
  void Attribute(uint16_t type, uint32_t value) { Attribute(type, &value, sizeof value); }
  uint8_t* end() const { return end_; }
  size_t length() const { return static_cast<size_t>(end_ - start_); }

  // An attribute of `length` bytes that the caller fills.
  uint8_t* OpenAttribute(uint16_t type, size_t length) {
    auto* header = reinterpret_cast<nlattr*>(end_);
    header->nla_len = static_cast<uint16_t>(NLA_HDRLEN + length);
    header->nla_type = type;
    uint8_t* data = end_ + NLA_HDRLEN;
    end_ += NLA_HDRLEN + NLA_ALIGN(length);
    // The padding is sent too, and must not be what an earlier message left there.
    std::memset(data + length, 0, NLA_ALIGN(length) - length);
    return data;
  }

 private:
  uint8_t* start_;
  uint8_t* end_;
};

}  // namespace anycast
