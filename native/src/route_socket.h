// RouteSocket as JavaScript sees it; what it means is said in lib/kernel/route-socket.ts.
#pragma once

#include <napi.h>

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "dump_reader.h"
#include "monitor_handle.h"
#include "netlink_socket.h"
#include "parallel_writer.h"
#include "promise_task.h"
#include "route_lookup.h"
#include "table_shares.h"
#include "task_lane.h"

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
  Napi::Value Links(const Napi::CallbackInfo& info);
  Napi::Value Lookup(const Napi::CallbackInfo& info);
  Napi::Value StartMonitor(const Napi::CallbackInfo& info);
  Napi::Value Close(const Napi::CallbackInfo& info);
  Napi::Value ReceiveBuffer(const Napi::CallbackInfo& info);

  // Requests in order on a thread. Reading has two of its own: a long dump delays no route, and the families
  // are read beside each other, for which the kernel takes no lock (IPv4 since Linux 6.9, IPv6 since 6.0).
  using Delivering = std::function<void(std::unique_ptr<Task>)>;
  struct WriteLane {
    WriteLane(uint32_t receive_buffer, Delivering deliver)
        : writer(receive_buffer), tasks(std::move(deliver)) {}
    ParallelWriter writer;
    TaskLane tasks;
  };
  struct ReadLane {
    ReadLane(uint32_t receive_buffer, Delivering deliver)
        : socket(receive_buffer), reader(socket), lookup(socket), tasks(std::move(deliver)) {
      socket.RequireStrictCheck();
    }
    NetlinkSocket socket;
    DumpReader reader;
    RouteLookup lookup;
    TaskLane tasks;
  };

  static void Deliver(Napi::Env env, Napi::Function, RouteSocket* self, Delivered* delivered);
  using Delivery = Napi::TypedThreadSafeFunction<RouteSocket, Delivered, &RouteSocket::Deliver>;
  static void Cleanup(void* self);

  void Open(uint32_t receive_buffer);
  // The one that is through first.
  ReadLane& Reader();
  std::array<TaskLane*, 3> Lanes();
  static void Send(const Delivery& delivery, std::unique_ptr<Delivered> delivered);
  template <typename T>
  Napi::Promise Read(std::function<T(ReadLane&)> work, Napi::Value (*convert)(Napi::Env, T));
  Napi::Promise Submit(TaskLane& lane, std::unique_ptr<PromiseTask> task);
  Napi::Promise Refuse(Napi::Env env) const;
  void Settled(Napi::Env env);
  void Shutdown();

  std::optional<NetworkNamespace> namespace_;
  uint32_t wanted_receive_buffer_ = 0;
  uint32_t receive_buffer_ = 0;
  Delivery delivery_;
  std::unique_ptr<WriteLane> write_;
  std::array<std::unique_ptr<ReadLane>, 2> read_;
  TableShares shares_;  // outlives what reads: Shutdown waits for it
  std::vector<std::weak_ptr<MonitorHandle>> monitors_;
  size_t pending_ = 0;
  bool closed_ = false;
  std::optional<Napi::Promise::Deferred> closing_;
  // A Deferred gives its promise only to the call that made it; close() may be called again.
  Napi::Reference<Napi::Promise> closed_promise_;
};

}  // namespace anycast
