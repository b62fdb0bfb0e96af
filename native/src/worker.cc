#include "worker.h"

#include <utility>

namespace anycast {

Worker::Worker(PostCompletion post) : post_(std::move(post)) {}

Worker::~Worker() {
  Close();
  Join();
}

void Worker::Submit(std::unique_ptr<Task> task) {
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(task));
  // Not a thread of libuv's pool: DNS look-ups and file access use that pool too and could delay routes, and
  // it does not keep the order of tasks.
  if (!thread_.joinable()) thread_ = std::thread(&Worker::Loop, this);
  changed_.notify_one();
}

size_t Worker::load() {
  const std::lock_guard lock(mutex_);
  return queue_.size() + (running_ ? 1 : 0);
}

void Worker::Close() {
  std::deque<std::unique_ptr<Task>> cancelled;
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    cancelled.swap(queue_);
  }
  changed_.notify_one();
  for (auto& task : cancelled) {
    task->Cancel();
    post_(std::move(task));
  }
}

void Worker::Join() {
  if (thread_.joinable()) thread_.join();
}

void Worker::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return closed_ || !queue_.empty(); });
    if (closed_) return;
    std::unique_ptr<Task> task = std::move(queue_.front());
    queue_.pop_front();
    running_ = true;
    lock.unlock();
    task->Run();
    post_(std::move(task));
    lock.lock();
    running_ = false;
  }
}

}  // namespace anycast
