#include "task_lane.h"

#include <utility>

namespace anycast {

TaskLane::TaskLane(std::function<void(std::unique_ptr<Task>)> deliver) : deliver_(std::move(deliver)) {}

TaskLane::~TaskLane() {
  Close();
  Join();
}

void TaskLane::Submit(std::unique_ptr<Task> task) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(task));
  // Not a thread of libuv's pool: DNS and files of the same program would delay routes, and order would need
  // a queue all the same.
  if (!thread_.joinable()) thread_ = std::thread(&TaskLane::Loop, this);
  changed_.notify_one();
}

size_t TaskLane::load() {
  const std::lock_guard lock(mutex_);
  return queue_.size() + (running_ ? 1 : 0);
}

void TaskLane::Close() {
  std::deque<std::unique_ptr<Task>> left;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    left.swap(queue_);
  }
  changed_.notify_one();
  for (auto& task : left) {
    task->Cancel();
    deliver_(std::move(task));
  }
}

void TaskLane::Join() {
  if (thread_.joinable()) thread_.join();
}

void TaskLane::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    if (closed_) return;
    std::unique_ptr<Task> task = std::move(queue_.front());
    queue_.pop_front();
    running_ = true;
    lock.unlock();
    task->Run();
    deliver_(std::move(task));
    lock.lock();
    running_ = false;
  }
}

}  // namespace anycast
