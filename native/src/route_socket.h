// The class RouteSocket of JavaScript. lib/kernel/socket/route-socket.ts documents what its methods do.
#pragma once

#include <napi.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "completion.h"
#include "dump_policy.h"
#include "dump_reader.h"
#include "js_arguments.h"
#include "js_errors.h"
#include "monitor_handle.h"
#include "netlink_socket.h"
#include "parallel_writer.h"
#include "promise_task.h"
#include "route_lookup.h"
#include "worker.h"

namespace anycast {

class RouteSocket : public Napi::ObjectWrap<RouteSocket> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit RouteSocket(const Napi::CallbackInfo& info);
  ~RouteSocket() override;

 private:
  Napi::Value Apply(const Napi::CallbackInfo& info);
  Napi::Value Dump(const Napi::CallbackInfo& info);
  Napi::Value DumpInParts(const Napi::CallbackInfo& info);
  Napi::Value DumpNexthopObjects(const Napi::CallbackInfo& info);
  Napi::Value Abilities(const Napi::CallbackInfo& info);
  Napi::Value Links(const Napi::CallbackInfo& info);
  Napi::Value Lookup(const Napi::CallbackInfo& info);
  Napi::Value StartMonitor(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value ReceiveBuffer(const Napi::CallbackInfo& info);

  // One worker writes and two read: a long dump delays no route, and both families are read at the same time,
  // for which the kernel takes no lock that they share (IPv4 since Linux 6.9, IPv6 since 6.0). The worker is
  // the last member: it ends before what its tasks use.
  struct WriteWorker {
    WriteWorker(uint32_t receive_buffer, PostCompletion post)
        : writer(receive_buffer), worker(std::move(post)) {}
    ParallelWriter writer;
    Worker worker;
  };
  struct ReadWorker {
    ReadWorker(uint32_t receive_buffer, PostCompletion post)
        : socket(receive_buffer), dump(socket), lookup(socket), worker(std::move(post)) {
      socket.RequireStrictCheck();
    }
    NetlinkSocket socket;
    DumpReader dump;
    RouteLookup lookup;
    Worker worker;
  };

  static void HandleCompletion(Napi::Env env, Napi::Function, RouteSocket* self, Completion* completion);
  using CompletionQueue =
      Napi::TypedThreadSafeFunction<RouteSocket, Completion, &RouteSocket::HandleCompletion>;
  static void Cleanup(void* self);

  using Method = Napi::Value (RouteSocket::*)(const Napi::CallbackInfo&);
  // What JavaScript calls. Whatever `method` throws becomes a JavaScript error.
  template <Method method>
  Napi::Value Entry(const Napi::CallbackInfo& info) {
    return WithJsErrors(info.Env(), [&] { return (this->*method)(info); });
  }
  // The same for a method that returns a promise, which is rejected. Wrong arguments are thrown.
  template <Method method>
  Napi::Value PromiseEntry(const Napi::CallbackInfo& info) {
    return WithJsRejection(info.Env(), [&] { return (this->*method)(info); });
  }
  void Start(Napi::Env env, const SocketOptions& options);
  // Opens the sockets in the calling thread's network namespace.
  void Open(uint32_t receive_buffer);
  PostCompletion Poster() const;
  ReadWorker& LeastBusyReader();
  std::array<Worker*, 3> Workers();
  // Reads on a worker: `work` runs there, `convert` on the JavaScript thread.
  template <typename T>
  Napi::Promise Read(std::function<T(ReadWorker&)> work, Napi::Value (*convert)(Napi::Env, T));
  // Rejects the promise when the task can not be queued.
  Napi::Promise Submit(Worker& worker, std::unique_ptr<PromiseTask> task);
  void BeginRequest(Napi::Env env);
  void EndRequest(Napi::Env env);
  void FinishClosing(Napi::Env env);
  void Shutdown();

  std::optional<NetworkNamespace> namespace_;
  uint32_t wanted_receive_buffer_ = 0;
  uint32_t receive_buffer_ = 0;
  CompletionQueue completions_;
  std::unique_ptr<WriteWorker> write_;
  std::array<std::unique_ptr<ReadWorker>, 2> read_;
  DumpPolicy dump_policy_;  // readers use it: Shutdown() waits for them before it is destroyed
  std::vector<std::weak_ptr<MonitorHandle>> monitors_;
  size_t pending_ = 0;  // submitted tasks whose promise is not settled
  bool closed_ = false;
  std::optional<Napi::Promise::Deferred> closing_;
  // A Deferred returns its promise only within the call that made it, and close() may be called again.
  Napi::Reference<Napi::Promise> closed_promise_;
};

}  // namespace anycast
