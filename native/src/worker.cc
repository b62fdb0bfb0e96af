#include "worker.h"

#include <utility>

#include "thread.h"

namespace anycast {

Worker::Worker(PostCompletion post) : post_(std::move(post)) {}

Worker::~Worker() {
  Close();
  Join();
}

void Worker::Submit(std::unique_ptr<Task>&& task) {
  const std::lock_guard lock(mutex_);
  // Not a thread of libuv's pool: DNS look-ups and file access use that pool too and could delay routes, and
  // it does not keep the order of tasks. Started before the task is queued, since there may be none.
  if (!thread_.joinable()) thread_ = StartThread([this] { Loop(); });
  queue_.push_back(std::move(task));
  changed_.notify_one();
}

size_t Worker::load() {
  const std::lock_guard lock(mutex_);
  return queue_.size() + (running_ ? 1 : 0);
}

void Worker::Close() noexcept {
  std::unique_lock lock(mutex_);
  closed_ = true;
  changed_.notify_one();
  // Only the owner adds tasks, and the thread takes no more.
  while (!queue_.empty()) {
    std::unique_ptr<Task> task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    task->Cancel();
    post_(std::move(task));
    lock.lock();
  }
}

void Worker::Join() noexcept {
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
