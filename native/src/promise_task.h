// A task that settles a promise.
#pragma once

#include <napi.h>

#include <exception>
#include <functional>
#include <utility>

#include "errors.h"
#include "js_errors.h"
#include "worker.h"

namespace anycast {

// Run() may be called on any thread, everything else on the JavaScript thread only.
class PromiseTask : public Task {
 public:
  explicit PromiseTask(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {}
  // A local handle: valid only within the call from JavaScript that made this task.
  Napi::Promise promise() const { return deferred_.Promise(); }
  // Called instead of Run() when it can not be run.
  void Fail(std::exception_ptr failure) noexcept { failure_ = std::move(failure); }
  void Cancel() noexcept override { Fail(std::make_exception_ptr(ClosedError())); }
  void Run() noexcept override {
    try {
      Work();
    } catch (...) {
      failure_ = std::current_exception();
    }
  }
  bool Handle(Napi::Env env) noexcept override {
    Napi::Value value;
    try {
      if (!failure_) value = Result(env);
    } catch (...) {
      failure_ = std::current_exception();
    }
    try {
      if (failure_) {
        deferred_.Reject(ToError(env, failure_).Value());
      } else {
        deferred_.Resolve(value);
      }
    } catch (...) {
      // Only while a Node worker is being terminated: JavaScript values can not be made any more, and nobody
      // waits.
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

// `work` computes a value on any thread, `convert` makes a JavaScript value of it on JavaScript's.
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
