// A running monitor and its JavaScript callback.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <optional>

#include "monitor.h"

namespace anycast {

// Calls JavaScript with what a Monitor's thread collects. All methods are for the JavaScript thread only.
class MonitorHandle : public std::enable_shared_from_this<MonitorHandle> {
 public:
  // Calls `callback` with KernelChanges until Stop(), and keeps the event loop alive until then.
  static std::shared_ptr<MonitorHandle> Start(Napi::Function callback, std::unique_ptr<NetlinkSocket> socket,
                                              RouteFilter filter);
  ~MonitorHandle();
  // Ends the thread. The callback is not called after Stop() returns. A second call does nothing.
  void Stop();
  // A JavaScript object with the method `stop()`.
  Napi::Object ToObject(Napi::Env env);

 private:
  static void HandleChanges(Napi::Env env, Napi::Function callback, MonitorHandle* self, void*);
  using Callback = Napi::TypedThreadSafeFunction<MonitorHandle, void, &MonitorHandle::HandleChanges>;
  static void Cleanup(void* self);
  explicit MonitorHandle(Napi::Env env) : env_(env) {}

  Napi::Env env_;
  Callback callback_;
  std::optional<Monitor> monitor_;
};

}  // namespace anycast
