// What a thread hands to the JavaScript thread.
#pragma once

#include <napi.h>

namespace anycast {

// Made on any thread; in JavaScript things arrive in the order in which one thread sent them.
class Delivered {
 public:
  virtual ~Delivered() = default;
  // On the JavaScript thread, in a handle scope. Tells whether a request has ended with it.
  virtual bool Arrive(Napi::Env env) = 0;
};

}  // namespace anycast
