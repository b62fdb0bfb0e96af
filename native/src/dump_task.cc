#include "dump_task.h"

#include <memory>
#include <utility>

#include "js_values.h"

namespace anycast {

// Posted before its task, which therefore outlives it.
class DumpTask::Part final : public Completion {
 public:
  Part(DumpTask& task, std::vector<uint8_t> records, bool restarted)
      : task_(task), records_(std::move(records)), restarted_(restarted) {}
  bool Handle(Napi::Env env) noexcept override {
    task_.Take(env, std::move(records_), restarted_);
    return false;
  }

 private:
  DumpTask& task_;
  std::vector<uint8_t> records_;
  bool restarted_;
};

DumpTask::DumpTask(Napi::Function take, std::function<void(const PartSink&)> dump, PostCompletion post)
    : PromiseTask(take.Env()),
      take_(Napi::Persistent(take)),
      dump_(std::move(dump)),
      post_(std::move(post)) {}

void DumpTask::Work() {
  dump_([this](std::vector<uint8_t> records, bool restarted) {
    post_(std::make_unique<Part>(*this, std::move(records), restarted));
  });
}

Napi::Value DumpTask::Result(Napi::Env env) {
  if (thrown_) std::rethrow_exception(thrown_);
  return env.Undefined();
}

void DumpTask::Take(Napi::Env env, std::vector<uint8_t> records, bool restarted) noexcept {
  if (thrown_) return;
  try {
    take_.Call({ToBytes(env, std::move(records)), Napi::Boolean::New(env, restarted)});
  } catch (...) {
    thrown_ = std::current_exception();
  }
}

}  // namespace anycast
