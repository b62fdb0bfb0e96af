#include "monitor_handle.h"

#include <exception>
#include <new>
#include <utility>

#include "js_errors.h"
#include "js_values.h"

namespace anycast {

namespace {

// Changes that there is no memory to convert are lost, as after an overrun.
Napi::Value ToChangesOrLoss(Napi::Env env, Changes changes) {
  Changes loss = Changes::Lost(changes.failure);
  try {
    return ToChanges(env, std::move(changes));
  } catch (const std::bad_alloc&) {
    return ToChanges(env, std::move(loss));
  }
}

void RaiseUncaught(Napi::Env env, const std::exception_ptr& failure) noexcept {
  try {
    const Napi::Error error = ToError(env, failure);
    if (!error.IsEmpty()) napi_fatal_exception(env, error.Value());
  } catch (...) {
    // Only while a Node worker is being terminated.
  }
}

}  // namespace

std::shared_ptr<MonitorHandle> MonitorHandle::Start(Napi::Function callback,
                                                    std::unique_ptr<NetlinkSocket> socket,
                                                    RouteFilter filter) {
  const Napi::Env env = callback.Env();
  const std::shared_ptr<MonitorHandle> handle(new MonitorHandle(env));
  // The function's finalizer owns a reference: a queued call may run after all other references are gone.
  auto keep = std::make_unique<std::shared_ptr<MonitorHandle>>(handle);
  handle->callback_ = Callback::New(
      env, callback, "flock-anycast monitor", 0, 1, handle.get(),
      [](Napi::Env, std::shared_ptr<MonitorHandle>* owned, MonitorHandle*) { delete owned; }, keep.get());
  static_cast<void>(keep.release());
  // Added after the function's own hook, so it runs before that one when a Node worker is terminated.
  napi_add_env_cleanup_hook(env, Cleanup, handle.get());
  try {
    handle->monitor_.emplace(std::move(socket), std::move(filter),
                             [callback = handle->callback_] { callback.NonBlockingCall(); });
  } catch (...) {
    napi_remove_env_cleanup_hook(env, Cleanup, handle.get());
    handle->callback_.Release();
    throw;
  }
  return handle;
}

MonitorHandle::~MonitorHandle() = default;

void MonitorHandle::Cleanup(void* self) { static_cast<MonitorHandle*>(self)->Stop(); }

void MonitorHandle::Stop() {
  if (!monitor_) return;
  napi_remove_env_cleanup_hook(env_, Cleanup, this);
  monitor_.reset();
  callback_.Release();
}

void MonitorHandle::HandleChanges(Napi::Env env, Napi::Function callback, MonitorHandle* self, void*) {
  if (env == nullptr || !self->monitor_) return;
  Changes changes = self->monitor_->Take();
  if (changes.empty()) return;
  if (changes.failure) self->Stop();
  try {
    callback.Call({ToChangesOrLoss(env, std::move(changes))});
  } catch (...) {
    // Node drops an exception of such a callback (DEP0168), so it is raised as an uncaught exception here.
    // While a Node worker is being terminated, the error has no value and nobody receives it.
    RaiseUncaught(env, std::current_exception());
  }
}

Napi::Object MonitorHandle::ToObject(Napi::Env env) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("stop", Napi::Function::New(
                         env, [self = shared_from_this()](const Napi::CallbackInfo&) { self->Stop(); }));
  return object;
}

}  // namespace anycast
