// Converts C++ exceptions to JavaScript errors.
#pragma once

#include <napi.h>

#include <exception>

namespace anycast {

// An Error with `code`; of a SystemError also with `errno` and `syscall`, of a RecordError with `index` and
// `field`. Memory that was not available is ENOMEM. Throws nothing but Napi::Error.
Napi::Error ToError(Napi::Env env, const std::exception_ptr& failure);

// Returns what `body` returns. Whatever it throws is thrown as a Napi::Error, the only exception that may
// reach Node: any other ends the process.
template <typename Body>
auto WithJsErrors(Napi::Env env, const Body& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    throw ToError(env, std::current_exception());
  }
}

// The same for a `body` that returns a promise: one that is rejected takes its place. Only wrong arguments,
// which are Napi::Errors already, are thrown.
template <typename Body>
Napi::Value WithJsRejection(Napi::Env env, const Body& body) {
  try {
    return body();
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    const auto deferred = Napi::Promise::Deferred::New(env);
    deferred.Reject(ToError(env, std::current_exception()).Value());
    return deferred.Promise();
  }
}

}  // namespace anycast
