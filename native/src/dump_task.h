// A dump of routes that JavaScript gets part by part, while the kernel is still being read.
#pragma once

#include <napi.h>

#include <cstdint>
#include <exception>
#include <functional>
#include <vector>

#include "completion.h"
#include "promise_task.h"
#include "route_dump.h"

namespace anycast {

class DumpTask final : public PromiseTask {
 public:
  // `take` is called with each part and with `restarted`, see PartSink.
  DumpTask(Napi::Function take, std::function<void(const PartSink&)> dump, PostCompletion post);

 protected:
  void Work() override;
  Napi::Value Result(Napi::Env env) override;

 private:
  class Part;
  void Take(Napi::Env env, std::vector<uint8_t> records, bool restarted) noexcept;

  Napi::FunctionReference take_;
  std::function<void(const PartSink&)> dump_;
  PostCompletion post_;
  // The first exception of `take` or of what it is called with. `take` is not called again after it.
  std::exception_ptr thrown_;
};

}  // namespace anycast
