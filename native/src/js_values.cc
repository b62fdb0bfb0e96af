#include "js_values.h"

#include <cstring>
#include <memory>
#include <utility>

#include "js_errors.h"

namespace anycast {

namespace {

Napi::Object ToLink(Napi::Env env, const Link& link) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("name", link.name);
  object.Set("index", link.index);
  object.Set("flags", link.flags);
  return object;
}

}  // namespace

Napi::Value ToApplyResult(Napi::Env env, Outcomes outcomes) {
  Napi::Int32Array result = Napi::Int32Array::New(env, outcomes.errors.size());
  if (!outcomes.errors.empty()) {
    std::memcpy(result.Data(), outcomes.errors.data(), outcomes.errors.size() * sizeof(int32_t));
  }
  Napi::Object messages = env.Global().Get("Map").As<Napi::Function>().New({});
  if (!outcomes.messages.empty()) {
    const auto set = messages.Get("set").As<Napi::Function>();
    for (const auto& [index, text] : outcomes.messages) {
      const Napi::HandleScope scope(env);
      set.Call(messages, {Napi::Number::New(env, index), Napi::String::New(env, text)});
    }
  }
  // Not enumerable, so that results are compared and printed as arrays.
  result.DefineProperty(Napi::PropertyDescriptor::Value("messages", messages, napi_default));
  return result;
}

Napi::Value ToBytes(Napi::Env env, std::vector<uint8_t> bytes) {
  if (bytes.empty()) return Napi::Uint8Array::New(env, 0);
  auto owner = std::make_unique<std::vector<uint8_t>>(std::move(bytes));
  const auto buffer = Napi::ArrayBuffer::New(
      env, owner->data(), owner->size(),
      [](Napi::Env, void*, std::vector<uint8_t>* memory) { delete memory; }, owner.get());
  // From here on the buffer's finalizer owns the memory. Before, New() may have thrown, as it does while a
  // Node worker is being terminated.
  return Napi::Uint8Array::New(env, owner.release()->size(), buffer, 0);
}

Napi::Value ToAbilities(Napi::Env env, KernelAbilities abilities) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("nexthopObjects", abilities.nexthop_objects);
  object.Set("resilientGroups", abilities.resilient_groups);
  object.Set("heaviestMember", static_cast<uint32_t>(abilities.heaviest_member));
  object.Set("parallelIpv6", abilities.parallel_ipv6);
  return object;
}

Napi::Value ToLinks(Napi::Env env, std::vector<Link> links) {
  Napi::Array array = Napi::Array::New(env, links.size());
  for (uint32_t i = 0; i < links.size(); i++) array.Set(i, ToLink(env, links[i]));
  return array;
}

Napi::Value ToRouteAnswers(Napi::Env env, std::vector<RouteAnswer> answers) {
  Napi::Array array = Napi::Array::New(env, answers.size());
  for (uint32_t i = 0; i < answers.size(); i++) {
    const Napi::HandleScope scope(env);
    Napi::Object object = Napi::Object::New(env);
    object.Set("errno", answers[i].error);
    object.Set("type", static_cast<uint32_t>(answers[i].type));
    object.Set("interfaceIndex", answers[i].interface_index);
    if (!answers[i].gateway.empty()) object.Set("gateway", ToBytes(env, std::move(answers[i].gateway)));
    array.Set(i, object);
  }
  return array;
}

Napi::Value ToChanges(Napi::Env env, Changes changes) {
  Napi::Array links = Napi::Array::New(env, changes.links.size());
  for (uint32_t i = 0; i < changes.links.size(); i++) {
    Napi::Object link = ToLink(env, changes.links[i]);
    link.Set("gone", changes.links[i].gone);
    links.Set(i, link);
  }
  Napi::Array addresses = Napi::Array::New(env, changes.addresses.size());
  for (uint32_t i = 0; i < changes.addresses.size(); i++) {
    LocalAddress& address = changes.addresses[i];
    Napi::Object object = Napi::Object::New(env);
    object.Set("index", address.index);
    object.Set("address", ToBytes(env, std::move(address.bytes)));
    object.Set("prefixLength", static_cast<uint32_t>(address.prefix_length));
    object.Set("gone", address.gone);
    addresses.Set(i, object);
  }
  Napi::Object object = Napi::Object::New(env);
  object.Set("routes", ToBytes(env, std::move(changes.routes)));
  object.Set("links", links);
  object.Set("addresses", addresses);
  object.Set("nexthopObjects", ToBytes(env, std::move(changes.objects)));
  object.Set("overrun", changes.overrun);
  if (changes.failure) object.Set("error", ToError(env, changes.failure).Value());
  return object;
}

}  // namespace anycast
