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

// A batch of up to so many bytes, 16 routes with one nexthop, is sent on the JavaScript thread, if nothing is
// before it: that holds JavaScript up for some 0.1 ms (one IPv4 route: 8 us, IPv6: 12), and handing it to
// a thread and back would add 60 to 80 us. Measured by `node test/native/measure-apply.ts`.
constexpr size_t kInlineBytes = 1024;

}  // namespace

Napi::Function RouteSocket::Define(Napi::Env env) {
  return DefineClass(
      env, "RouteSocket",
      {InstanceMethod("apply", &RouteSocket::Apply), InstanceMethod("dump", &RouteSocket::Dump),
       InstanceMethod("dumpInParts", &RouteSocket::DumpInParts),
       InstanceMethod("nexthopObjects", &RouteSocket::DumpNexthopObjects),
       InstanceMethod("links", &RouteSocket::Links), InstanceMethod("lookup", &RouteSocket::Lookup),
       InstanceMethod("monitor", &RouteSocket::StartMonitor), InstanceMethod("close", &RouteSocket::Close),
       InstanceAccessor("receiveBuffer", &RouteSocket::ReceiveBuffer, nullptr)});
}

RouteSocket::RouteSocket(const Napi::CallbackInfo& info) : Napi::ObjectWrap<RouteSocket>(info) {
  const Napi::Env env = info.Env();
  const SocketOptions options = ReadSocketOptions(info[0]);
  wanted_receive_buffer_ = options.receive_buffer;
  delivery_ = Delivery::New(env, "flock-anycast requests", 0, 1, this);
  delivery_.Unref(env);
  try {
    namespace_.emplace(options.netns);
    namespace_->Enter([this] { Open(wanted_receive_buffer_); });
  } catch (const SystemError&) {
    const Napi::Error error = ToError(env, std::current_exception());
    delivery_.Release();
    throw error;
  }
  receive_buffer_ = write_->writer.receive_buffer();
  // After the delivery's own hook, hence run before it when a worker is terminated.
  napi_add_env_cleanup_hook(env, Cleanup, this);
}

RouteSocket::~RouteSocket() { Shutdown(); }

void RouteSocket::Open(uint32_t receive_buffer) {
  const auto deliver = [delivery = delivery_](std::unique_ptr<Task> task) {
    Send(delivery, std::unique_ptr<Delivered>(static_cast<PromiseTask*>(task.release())));
  };
  write_ = std::make_unique<WriteLane>(receive_buffer, deliver);
  for (auto& lane : read_) lane = std::make_unique<ReadLane>(receive_buffer, deliver);
}

void RouteSocket::Send(const Delivery& delivery, std::unique_ptr<Delivered> delivered) {
  // Refused only while the environment ends: nobody waits for it then.
  if (delivery.NonBlockingCall(delivered.get()) == napi_ok) static_cast<void>(delivered.release());
}

Napi::Value RouteSocket::Apply(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  // Copied: the caller may reuse its memory at once, and may share it with threads.
  std::vector<uint8_t> batch = ReadBytes(info[0]);
  if (closed_) return Refuse(env);
  const bool is_small = batch.size() <= kInlineBytes;
  auto task = std::make_unique<ValueTask<Outcomes>>(
      env, [writer = &write_->writer, batch = std::move(batch)] { return writer->Apply(batch); },
      ToApplyResult);
  if (is_small && write_->tasks.load() == 0) {
    task->Run();
    task->Arrive(env);
    return task->promise();
  }
  return Submit(write_->tasks, std::move(task));
}

Napi::Value RouteSocket::Dump(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint8_t family = ReadFamily(info[0]);
  RouteFilter filter = ReadRouteFilter(info[0]);
  if (closed_) return Refuse(env);
  const auto dump = [this, family, filter = std::move(filter)](ReadLane& lane) {
    return DumpRoutes(lane.reader, family, filter, shares_);
  };
  return Read<std::vector<uint8_t>>(dump, ToBytes);
}

Napi::Value RouteSocket::DumpInParts(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const uint8_t family = ReadFamily(info[0]);
  RouteFilter filter = ReadRouteFilter(info[0]);
  if (!info[1].IsFunction()) throw Napi::TypeError::New(env, "dumpInParts: take must be a function");
  if (closed_) return Refuse(env);
  ReadLane& lane = Reader();
  const auto dump = [this, &reader = lane.reader, family, filter = std::move(filter)](const PartSink& take) {
    DumpRoutes(reader, family, filter, shares_, take);
  };
  const auto deliver = [delivery = delivery_](std::unique_ptr<Delivered> part) {
    Send(delivery, std::move(part));
  };
  return Submit(lane.tasks, std::make_unique<DumpTask>(info[1].As<Napi::Function>(), dump, deliver));
}

Napi::Value RouteSocket::DumpNexthopObjects(const Napi::CallbackInfo& info) {
  if (closed_) return Refuse(info.Env());
  return Read<std::vector<uint8_t>>([](ReadLane& lane) { return DumpObjects(lane.reader); }, ToBytes);
}

Napi::Value RouteSocket::Links(const Napi::CallbackInfo& info) {
  if (closed_) return Refuse(info.Env());
  return Read<std::vector<Link>>([](ReadLane& lane) { return DumpLinks(lane.reader); }, ToLinks);
}

Napi::Value RouteSocket::Lookup(const Napi::CallbackInfo& info) {
  std::vector<std::vector<uint8_t>> addresses = ReadAddresses(info[0]);
  if (closed_) return Refuse(info.Env());
  const auto find = [addresses = std::move(addresses)](ReadLane& lane) {
    return lane.lookup.Find(addresses);
  };
  return Read<std::vector<RouteAnswer>>(find, ToRouteAnswers);
}

Napi::Value RouteSocket::StartMonitor(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  RouteFilter filter = ReadRouteFilter(info[0]);
  const uint32_t receive_buffer = ReadReceiveBuffer(info[0], wanted_receive_buffer_);
  if (!info[1].IsFunction()) throw Napi::TypeError::New(env, "monitor: callback must be a function");
  try {
    if (closed_) throw ClosedError();
    std::unique_ptr<NetlinkSocket> socket;
    namespace_->Enter([&] { socket = std::make_unique<NetlinkSocket>(receive_buffer); });
    AttachMonitorFilter(*socket, filter, write_->writer.ports());
    auto handle = MonitorHandle::Start(info[1].As<Napi::Function>(), std::move(socket), std::move(filter));
    std::erase_if(monitors_, [](const auto& monitor) { return monitor.expired(); });
    monitors_.push_back(handle);
    return handle->ToObject(env);
  } catch (const SystemError&) {
    throw ToError(env, std::current_exception());
  } catch (const ClosedError&) {
    throw ToError(env, std::current_exception());
  }
}

Napi::Value RouteSocket::Close(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!closing_) {
    closing_ = Napi::Promise::Deferred::New(env);
    closed_promise_ = Napi::Persistent(closing_->Promise());
    closed_ = true;
    for (const auto& monitor : std::exchange(monitors_, {})) {
      if (const auto handle = monitor.lock()) handle->Stop();
    }
    for (TaskLane* tasks : Lanes()) tasks->Close();
    if (pending_ == 0) Settled(env);
  }
  return closed_promise_.Value();
}

Napi::Value RouteSocket::ReceiveBuffer(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), receive_buffer_);
}

RouteSocket::ReadLane& RouteSocket::Reader() {
  const auto& [first, second] = read_;
  return first->tasks.load() <= second->tasks.load() ? *first : *second;
}

std::array<TaskLane*, 3> RouteSocket::Lanes() { return {&write_->tasks, &read_[0]->tasks, &read_[1]->tasks}; }

template <typename T>
Napi::Promise RouteSocket::Read(std::function<T(ReadLane&)> work, Napi::Value (*convert)(Napi::Env, T)) {
  ReadLane& lane = Reader();
  auto read = [&lane, work = std::move(work)] { return work(lane); };
  return Submit(lane.tasks, std::make_unique<ValueTask<T>>(Env(), std::move(read), convert));
}

Napi::Promise RouteSocket::Submit(TaskLane& lane, std::unique_ptr<PromiseTask> task) {
  const Napi::Env env = Env();
  const Napi::Promise promise = task->promise();
  if (pending_++ == 0) {
    // Neither this object nor the event loop ends before the promise is settled.
    Ref();
    delivery_.Ref(env);
  }
  lane.Submit(std::move(task));
  return promise;
}

Napi::Promise RouteSocket::Refuse(Napi::Env env) const {
  const auto deferred = Napi::Promise::Deferred::New(env);
  deferred.Reject(ToError(env, std::make_exception_ptr(ClosedError())).Value());
  return deferred.Promise();
}

void RouteSocket::Deliver(Napi::Env env, Napi::Function, RouteSocket* self, Delivered* delivered) {
  const std::unique_ptr<Delivered> owner(delivered);
  if (env == nullptr) return;
  try {
    if (!delivered->Arrive(env)) return;
    if (--self->pending_ > 0) return;
    self->delivery_.Unref(env);
    if (self->closed_) self->Settled(env);
    self->Unref();
  } catch (const Napi::Error&) {
    // Only while a worker is being terminated: no JavaScript value can be made any more, and nobody waits.
  }
}

void RouteSocket::Settled(Napi::Env env) {
  Shutdown();
  closing_->Resolve(env.Undefined());
}

void RouteSocket::Cleanup(void* self) { static_cast<RouteSocket*>(self)->Shutdown(); }

void RouteSocket::Shutdown() {
  if (!write_) return;
  napi_remove_env_cleanup_hook(Env(), Cleanup, this);
  // Both told first, then both waited for: what runs ends at its next barrier, five seconds at most.
  for (TaskLane* tasks : Lanes()) tasks->Close();
  for (TaskLane* tasks : Lanes()) tasks->Join();
  write_.reset();
  for (auto& lane : read_) lane.reset();
  delivery_.Release();
}

}  // namespace anycast
