// A task that settles a promise.
#pragma once

#include <napi.h>

#include <exception>
#include <functional>
#include <utility>

#include "delivery.h"
#include "errors.h"
#include "js_values.h"
#include "task_lane.h"

namespace anycast {

// Run() may be on any thread, the rest is the JavaScript thread's.
class PromiseTask : public Task, public Delivered {
 public:
  explicit PromiseTask(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}
  // Only within the call that made this task: it is a local handle.
  Napi::Promise promise() const { return deferred_.Promise(); }
  void Cancel() noexcept override { failure_ = std::make_exception_ptr(ClosedError()); }
  void Run() noexcept override {
    try {
      Work();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  bool Arrive(Napi::Env env) override {
    try {
      if (failure_) {
        deferred_.Reject(ToError(env, failure_).Value());
      } else {
        deferred_.Resolve(Result(env));
      }
    } catch (const Napi::Error& error) {
      // Thrown by JavaScript; without a value only while a worker is being terminated, and nobody waits then.
      if (error.IsEmpty()) throw;
      deferred_.Reject(error.Value());
    }
    return true;
  }

 protected:
  virtual void Work() = 0;
  virtual Napi::Value Result(Napi::Env env) = 0;

 private:
  Napi::Promise::Deferred deferred_;
  std::exception_ptr failure_;
};

// `work` gives a value on any thread, `convert` makes it JavaScript's.
template <typename T>
class ValueTask final : public PromiseTask {
 public:
  ValueTask(Napi::Env env, std::function<T()> work, Napi::Value (*convert)(Napi::Env, T))
      : PromiseTask(env), work_(std::move(work)), convert_(convert) {}

 protected:
  void Work() override { value_ = work_(); }
  Napi::Value Result(Napi::Env env) override { return convert_(env, std::move(value_)); }

 private:
  std::function<T()> work_;
  Napi::Value (*convert_)(Napi::Env, T);
  T value_;
};

}  // namespace anycast
