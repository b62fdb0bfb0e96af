#include "js_errors.h"

#include <cerrno>
#include <new>
#include <stdexcept>

#include "errno_name.h"
#include "errors.h"

namespace anycast {

namespace {

void SetErrno(Napi::Error& value, int number) {
  const char* name = ErrnoName(number);
  value.Set("code", Napi::String::New(value.Env(), name != nullptr ? name : "EIO"));
  value.Set("errno", Napi::Number::New(value.Env(), number));
}

// Takes no memory of C++.
Napi::Error OutOfMemory(Napi::Env env) {
  Napi::Error value = Napi::Error::New(env, "not enough memory for this request");
  SetErrno(value, ENOMEM);
  return value;
}

Napi::Error Convert(Napi::Env env, const std::exception_ptr& failure) {
  try {
    std::rethrow_exception(failure);
  } catch (const Napi::Error& error) {
    return error;
  } catch (const SystemError& error) {
    Napi::Error value = Napi::Error::New(env, error.call + ": " + error.what());
    SetErrno(value, error.number);
    value.Set("syscall", Napi::String::New(env, error.call));
    return value;
  } catch (const RecordError& error) {
    Napi::Error value = Napi::RangeError::New(env, error.what());
    value.Set("code", Napi::String::New(env, "FLOCK_RECORD_INVALID"));
    value.Set("index", Napi::Number::New(env, static_cast<double>(error.index)));
    value.Set("field", Napi::String::New(env, error.field));
    return value;
  } catch (const ClosedError& error) {
    Napi::Error value = Napi::Error::New(env, error.what());
    value.Set("code", Napi::String::New(env, "ERR_CLOSED"));
    return value;
  } catch (const std::bad_alloc&) {
    return OutOfMemory(env);
  } catch (const std::length_error&) {
    // More elements than a container can ever have.
    return OutOfMemory(env);
  } catch (const std::exception& error) {
    Napi::Error value = Napi::Error::New(env, error.what());
    value.Set("code", Napi::String::New(env, "FLOCK_NATIVE_FAILED"));
    return value;
  }
}

}  // namespace

Napi::Error ToError(Napi::Env env, const std::exception_ptr& failure) {
  try {
    return Convert(env, failure);
  } catch (const Napi::Error&) {
    throw;
  } catch (...) {
    // There was no memory for the message.
    return OutOfMemory(env);
  }
}

}  // namespace anycast
