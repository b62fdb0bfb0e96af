// A thread that runs tasks in order.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>

#include "completion.h"

namespace anycast {

// The work of one request. When it has run, it is the request's last completion.
class Task : public Completion {
 public:
  // Runs on any thread and touches no JavaScript. Keeps its own failure, for Handle().
  virtual void Run() noexcept = 0;
  // Called instead of Run() when the worker is closed first.
  virtual void Cancel() noexcept = 0;
};

// Only one thread, the owner, may call its methods.
class Worker {
 public:
  // `post` takes each task that ran (on the worker's thread) or was cancelled (on the thread that closes).
  explicit Worker(PostCompletion post);
  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  // Queues a task. The first one starts the thread. When it throws (SystemError, std::bad_alloc), nothing is
  // queued and `task` is still the caller's.
  void Submit(std::unique_ptr<Task>&& task);
  // The number of tasks that are queued or running. With none, a task that the owner runs itself keeps the
  // order.
  size_t load();
  // Cancels the queued tasks and lets the running one finish. Does not wait, and takes no memory.
  void Close() noexcept;
  // Waits until the thread has ended. Call it after Close().
  void Join() noexcept;

 private:
  void Loop();

  PostCompletion post_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::unique_ptr<Task>> queue_;
  bool running_ = false;
  bool closed_ = false;
  std::thread thread_;
};

}  // namespace anycast
