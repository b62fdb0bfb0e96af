// A running monitor as JavaScript holds it.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>
#include <optional>

#include "monitor.h"

namespace anycast {

// Joins a Monitor's thread to a JavaScript callback. All methods are the JavaScript thread's.
class MonitorHandle : public std::enable_shared_from_this<MonitorHandle> {
 public:
  // Begins; `callback` is called with KernelChanges until Stop(). Keeps the event loop alive so long.
  static std::shared_ptr<MonitorHandle> Start(Napi::Function callback, std::unique_ptr<NetlinkSocket> socket,
                                              RouteFilter filter);
  ~MonitorHandle();
  // Ends the thread; no callback after it returns. A second call does nothing.
  void Stop();
  // An object with `stop()`.
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
