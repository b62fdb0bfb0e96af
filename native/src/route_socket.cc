#include "route_socket.h"

#include <sys/socket.h>

#include <utility>

#include "dump_task.h"
#include "errors.h"
#include "js_arguments.h"
#include "js_values.h"
#include "monitor_filter.h"
#include "object_dump.h"
#include "route_dump.h"

namespace anycast {

namespace {

// A batch of at most this many bytes, 16 routes with one nexthop, is sent on the JavaScript thread when no
// other is waiting. It blocks JavaScript for about 0.1 ms (one IPv4 route: 8 us, IPv6: 12). Passing it to a
// thread and back would add 60 to 80 us. Measured by `node test/native/measure-apply.ts`.
constexpr size_t kInlineBytes = 1024;

}  // namespace

Napi::Function RouteSocket::Define(Napi::Env env) {
  return DefineClass(
      env, "RouteSocket",
      {InstanceMethod("apply", &RouteSocket::PromiseEntry<&RouteSocket::Apply>),
       InstanceMethod("dump", &RouteSocket::PromiseEntry<&RouteSocket::Dump>),
       InstanceMethod("dumpInParts", &RouteSocket::PromiseEntry<&RouteSocket::DumpInParts>),
       InstanceMethod("nexthopObjects", &RouteSocket::PromiseEntry<&RouteSocket::DumpNexthopObjects>),
       InstanceMethod("abilities", &RouteSocket::PromiseEntry<&RouteSocket::Abilities>),
       InstanceMethod("links", &RouteSocket::PromiseEntry<&RouteSocket::Links>),
       InstanceMethod("lookup", &RouteSocket::PromiseEntry<&RouteSocket::Lookup>),
       InstanceMethod("monitor", &RouteSocket::Entry<&RouteSocket::StartMonitor>),
       InstanceMethod("close", &RouteSocket::PromiseEntry<&RouteSocket::Close>),
       InstanceAccessor("receiveBuffer", &RouteSocket::Entry<&RouteSocket::ReceiveBuffer>, nullptr)});
}

RouteSocket::RouteSocket(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RouteSocket>(info) {
  WithJsErrors(info.Env(), [&] { Start(info.Env(), ReadSocketOptions(info[0])); });
}

void RouteSocket::Start(Napi::Env env, const SocketOptions& options) {
  wanted_receive_buffer_ = options.receive_buffer;
  completions_ = CompletionQueue::New(env, "flock-anycast requests", 0, 1, this);
  try {
    completions_.Unref(env);
    namespace_.emplace(options.netns);
    namespace_->Enter([this] { Open(wanted_receive_buffer_); });
  } catch (...) {
    completions_.Release();
    throw;
  }
  receive_buffer_ = write_->writer.receive_buffer();
  // Added after the queue's own hook, so it runs before that one when a Node worker is terminated.
  napi_add_env_cleanup_hook(env, Cleanup, this);
}

RouteSocket::~RouteSocket() { Shutdown(); }

void RouteSocket::Open(uint32_t receive_buffer) {
  write_ = std::make_unique<WriteWorker>(receive_buffer, Poster());
  for (auto& reader : read_) reader = std::make_unique<ReadWorker>(receive_buffer, Poster());
}

PostCompletion RouteSocket::Poster() const {
  return [queue = completions_](std::unique_ptr<Completion> completion) {
    // It fails only while the environment ends; nobody waits for the result then.
    if (queue.NonBlockingCall(completion.get()) == napi_ok) static_cast<void>(completion.release());
  };
}

Napi::Value RouteSocket::Apply(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  // Copied, since the caller may change its memory at once, or share it with other threads.
  std::vector<uint8_t> batch = ReadBytes(info[0]);
  if (closed_) throw ClosedError();
  const bool is_small = batch.size() <= kInlineBytes;
  auto task = std::make_unique<ValueTask<Outcomes>>(
      env, [writer = &write_->writer, batch = std::move(batch)] { return writer->Apply(batch); },
      ToApplyResult);
  if (is_small && write_->worker.load() == 0) {
    task->Run();
    task->Handle(env);
    return task->promise();
  }
  return Submit(write_->worker, std::move(task));
}

Napi::Value RouteSocket::Dump(const Napi::CallbackInfo& info) {
  const uint8_t family = ReadFamily(info[0]);
  RouteFilter filter = ReadRouteFilter(info[0]);
  if (closed_) throw ClosedError();
  const auto dump = [this, family, filter = std::move(filter)](ReadWorker& reader) {
    return DumpRoutes(reader.dump, family, filter, dump_policy_);
  };
  return Read<std::vector<uint8_t>>(dump, ToBytes);
}

Napi::Value RouteSocket::DumpInParts(const Napi::CallbackInfo& info) {
  const uint8_t family = ReadFamily(info[0]);
  RouteFilter filter = ReadRouteFilter(info[0]);
  const Napi::Function take = ReadFunction(info[1], "dumpInParts: take");
  if (closed_) throw ClosedError();
  ReadWorker& reader = LeastBusyReader();
  const auto dump = [this, &reader, family, filter = std::move(filter)](const PartSink& take) {
    DumpRoutes(reader.dump, family, filter, dump_policy_, take);
  };
  return Submit(reader.worker, std::make_unique<DumpTask>(take, dump, Poster()));
}

Napi::Value RouteSocket::DumpNexthopObjects(const Napi::CallbackInfo&) {
  if (closed_) throw ClosedError();
  return Read<std::vector<uint8_t>>([](ReadWorker& reader) { return DumpObjects(reader.dump); }, ToBytes);
}

Napi::Value RouteSocket::Abilities(const Napi::CallbackInfo&) {
  if (closed_) throw ClosedError();
  return Read<KernelAbilities>([](ReadWorker& reader) { return AskAbilities(reader.dump); }, ToAbilities);
}

Napi::Value RouteSocket::Links(const Napi::CallbackInfo&) {
  if (closed_) throw ClosedError();
  return Read<std::vector<Link>>([](ReadWorker& reader) { return DumpLinks(reader.dump); }, ToLinks);
}

Napi::Value RouteSocket::Lookup(const Napi::CallbackInfo& info) {
  std::vector<std::vector<uint8_t>> addresses = ReadAddresses(info[0]);
  if (closed_) throw ClosedError();
  const auto find = [addresses = std::move(addresses)](ReadWorker& reader) {
    return reader.lookup.Find(addresses);
  };
  return Read<std::vector<RouteAnswer>>(find, ToRouteAnswers);
}

Napi::Value RouteSocket::StartMonitor(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  RouteFilter filter = ReadRouteFilter(info[0]);
  const uint32_t receive_buffer = ReadReceiveBuffer(info[0], wanted_receive_buffer_);
  const Napi::Function callback = ReadFunction(info[1], "monitor: callback");
  if (closed_) throw ClosedError();
  std::unique_ptr<NetlinkSocket> socket;
  namespace_->Enter([&] { socket = std::make_unique<NetlinkSocket>(receive_buffer); });
  AttachMonitorFilter(*socket, filter, write_->writer.ports());
  std::erase_if(monitors_, [](const auto& monitor) { return monitor.expired(); });
  monitors_.reserve(monitors_.size() + 1);
  const auto handle = MonitorHandle::Start(callback, std::move(socket), std::move(filter));
  try {
    const Napi::Object object = handle->ToObject(env);
    monitors_.push_back(handle);
    return object;
  } catch (...) {
    // Nobody else could stop it.
    handle->Stop();
    throw;
  }
}

Napi::Value RouteSocket::Close(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!closing_) {
    const auto closing = Napi::Promise::Deferred::New(env);
    closed_promise_ = Napi::Persistent(closing.Promise());
    closing_ = closing;
    closed_ = true;
    for (const auto& monitor : std::exchange(monitors_, {})) {
      if (const auto handle = monitor.lock()) handle->Stop();
    }
    for (Worker* worker : Workers()) worker->Close();
    if (pending_ == 0) FinishClosing(env);
  }
  return closed_promise_.Value();
}

Napi::Value RouteSocket::ReceiveBuffer(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), receive_buffer_);
}

RouteSocket::ReadWorker& RouteSocket::LeastBusyReader() {
  const auto& [first, second] = read_;
  return first->worker.load() <= second->worker.load() ? *first : *second;
}

std::array<Worker*, 3> RouteSocket::Workers() {
  return {&write_->worker, &read_[0]->worker, &read_[1]->worker};
}

template <typename T>
Napi::Promise RouteSocket::Read(std::function<T(ReadWorker&)> work, Napi::Value (*convert)(Napi::Env, T)) {
  ReadWorker& reader = LeastBusyReader();
  auto read = [&reader, work = std::move(work)] { return work(reader); };
  return Submit(reader.worker, std::make_unique<ValueTask<T>>(Env(), std::move(read), convert));
}

Napi::Promise RouteSocket::Submit(Worker& worker, std::unique_ptr<PromiseTask> task) {
  const Napi::Env env = Env();
  const Napi::Promise promise = task->promise();
  PromiseTask& request = *task;
  std::unique_ptr<Task> queued = std::move(task);
  BeginRequest(env);
  try {
    worker.Submit(std::move(queued));
  } catch (...) {
    request.Fail(std::current_exception());
    request.Handle(env);
    EndRequest(env);
  }
  return promise;
}

void RouteSocket::BeginRequest(Napi::Env env) {
  if (pending_++ > 0) return;
  // This object and the event loop must live until the promise is settled.
  Ref();
  completions_.Ref(env);
}

void RouteSocket::EndRequest(Napi::Env env) {
  if (--pending_ > 0) return;
  completions_.Unref(env);
  if (closed_) FinishClosing(env);
  Unref();
}

void RouteSocket::HandleCompletion(Napi::Env env, Napi::Function, RouteSocket* self, Completion* completion) {
  const std::unique_ptr<Completion> owner(completion);
  if (env == nullptr || !completion->Handle(env)) return;
  try {
    self->EndRequest(env);
  } catch (const Napi::Error&) {
    // Only while a Node worker is being terminated: JavaScript values can not be made any more, and nobody
    // waits.
  }
}

void RouteSocket::FinishClosing(Napi::Env env) {
  Shutdown();
  closing_->Resolve(env.Undefined());
}

void RouteSocket::Cleanup(void* self) { static_cast<RouteSocket*>(self)->Shutdown(); }

void RouteSocket::Shutdown() {
  if (!write_) return;
  napi_remove_env_cleanup_hook(Env(), Cleanup, this);
  // All are closed before the first is joined, so that their running tasks end at the same time.
  for (Worker* worker : Workers()) worker->Close();
  for (Worker* worker : Workers()) worker->Join();
  write_.reset();
  for (auto& reader : read_) reader.reset();
  completions_.Release();
}

}  // namespace anycast
