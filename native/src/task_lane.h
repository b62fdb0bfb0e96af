// Requests in order, on a thread of their own or, where that is faster, on the caller's.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace anycast {

// One request of JavaScript's. Run() may be on any thread and touches no JavaScript; it keeps its own
// failure.
class Task {
 public:
  virtual ~Task() = default;
  virtual void Run() noexcept = 0;
  // Instead of Run(), when the lane is closed first.
  virtual void Cancel() noexcept = 0;
};

// Thread-safe only in this sense: one owner submits and closes, the lane's thread runs.
class TaskLane {
 public:
  // `deliver` takes each task that ran (on the lane's thread) or was cancelled (on the closing thread).
  explicit TaskLane(std::function<void(std::unique_ptr<Task>)> deliver);
  ~TaskLane();
  TaskLane(const TaskLane&) = delete;
  TaskLane& operator=(const TaskLane&) = delete;

  // Queues a task; the first starts the thread.
  void Submit(std::unique_ptr<Task> task);
  // How many are queued or running. With none, a task run by the caller now is in order.
  size_t load();
  // Cancels what is queued and lets the running task finish. Does not wait.
  void Close();
  // Waits for the thread to end; after Close().
  void Join();

 private:
  void Loop();

  std::function<void(std::unique_ptr<Task>)> deliver_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Task>> queue_;
  bool running_ = false;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace anycast
