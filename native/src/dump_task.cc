#include "dump_task.h"

#include <utility>

#include "js_values.h"

namespace anycast {

// Sent before its task is, which therefore outlives it.
class DumpTask::Part final : public Delivered {
 public:
  Part(DumpTask& task, std::vector<uint8_t> records, bool restarted)
      : task_(task), records_(std::move(records)), restarted_(restarted) {}
  bool Arrive(Napi::Env env) override {
    task_.Take(env, std::move(records_), restarted_);
    return false;
  }

 private:
  DumpTask& task_;
  std::vector<uint8_t> records_;
  bool restarted_;
};

DumpTask::DumpTask(Napi::Function take, std::function<void(const PartSink&)> dump,
                   std::function<void(std::unique_ptr<Delivered>)> deliver)
    : PromiseTask(take.Env()),
      take_(Napi::Persistent(take)),
      dump_(std::move(dump)),
      deliver_(std::move(deliver)) {}

void DumpTask::Work() {
  dump_([this](std::vector<uint8_t> records, bool restarted) {
    deliver_(std::make_unique<Part>(*this, std::move(records), restarted));
  });
}

Napi::Value DumpTask::Result(Napi::Env env) {
  if (thrown_) throw *thrown_;
  return env.Undefined();
}

void DumpTask::Take(Napi::Env env, std::vector<uint8_t> records, bool restarted) {
  if (thrown_) return;
  try {
    take_.Call({ToBytes(env, std::move(records)), Napi::Boolean::New(env, restarted)});
  } catch (const Napi::Error& error) {
    // Empty while a worker is being terminated: nobody waits then.
    if (!error.IsEmpty()) thrown_ = error;
  }
}

}  // namespace anycast
