// What a thread hands to the JavaScript thread when a request, or a part of one, is done.
#pragma once

#include <napi.h>

#include <functional>
#include <memory>

namespace anycast {

// Made on any thread. As in io_uring, a request may have several completions, and the last one ends it.
class Completion {
 public:
  virtual ~Completion() = default;
  // Runs on the JavaScript thread, in a handle scope. Returns whether this was the last one of its request.
  virtual bool Handle(Napi::Env env) noexcept = 0;
};

// Queues a completion for the JavaScript thread, from any thread. Completions that one thread posts are
// handled in that order.
using PostCompletion = std::function<void(std::unique_ptr<Completion>)>;

}  // namespace anycast
