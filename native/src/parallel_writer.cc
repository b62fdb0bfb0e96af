#include "parallel_writer.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <iterator>
#include <thread>

#include "kernel_version.h"
#include "packed_record.h"
#include "shards.h"

namespace anycast {

namespace {

// From this many requests on, two threads are faster: for 128 IPv6 routes with one nexthop they took 0.7 of
// the time of one thread, for 64 routes 0.8. Deletions of so few took about the same time.
constexpr size_t kMinimumToShard = 128;

// The result of one connection's thread.
struct WriteResult {
  KernelMessages messages;
  std::exception_ptr failure;
};

std::vector<Request> ListRequests(std::span<const uint8_t> batch) {
  std::vector<Request> requests(CheckBatch(batch));
  const uint8_t* record = batch.data();
  for (uint32_t index = 0; index < requests.size(); index++) {
    requests[index] = {record, index};
    record += RecordView(record).route.length;
  }
  return requests;
}

}  // namespace

ParallelWriter::ParallelWriter(uint32_t receive_buffer)
    : connections_{Connection(receive_buffer), Connection(receive_buffer)} {}

Outcomes ParallelWriter::Apply(std::span<const uint8_t> batch) {
  const std::vector<Request> requests = ListRequests(batch);
  const std::span<const Request> all(requests);
  Outcomes outcomes;
  outcomes.errors.assign(requests.size(), Outcomes::kUnknown);
  // A long run of requests without a barrier is sharded. Everything else is sent in order over one socket.
  size_t written = 0;
  for (size_t start = 0; start < all.size();) {
    const auto barrier = std::find_if(all.begin() + static_cast<ptrdiff_t>(start), all.end(), IsBarrier);
    const auto end = static_cast<size_t>(barrier - all.begin());
    if (end - start >= kMinimumToShard) {
      WriteInOrder(all.subspan(written, start - written), outcomes);
      WriteSharded(all.subspan(start, end - start), outcomes);
      written = end;
    }
    start = end + 1;
  }
  WriteInOrder(all.subspan(written), outcomes);
  return outcomes;
}

void ParallelWriter::WriteInOrder(std::span<const Request> requests, Outcomes& outcomes) {
  connections_[0].writer.Write(requests, outcomes.errors, outcomes.messages);
}

void ParallelWriter::WriteSharded(std::span<const Request> requests, Outcomes& outcomes) {
  const std::vector<std::vector<Request>> shards = SplitIntoShards(requests);
  std::array<WriteResult, 2> results;
  // Each connection takes the next shard until none is left, so a slow or late one takes fewer.
  std::atomic<size_t> next = 0;
  const auto write = [&](size_t index) noexcept {
    try {
      for (size_t shard; (shard = next++) < shards.size();) {
        connections_[index].writer.Write(shards[shard], outcomes.errors, results[index].messages);
      }
    } catch (...) {
      results[index].failure = std::current_exception();
    }
  };
  std::thread helper;
  try {
    // Older kernels process one message at a time, even of two sockets, and two threads that wait for each
    // other take up to a third longer than one: measured with IPv4 split between two.
    if (shards.size() > 1 && ChangesIpv6InParallel()) helper = std::thread(write, 1);
  } catch (const std::exception&) {
    // There is no thread or no memory for one, so this thread writes everything.
  }
  write(0);
  if (helper.joinable()) helper.join();
  for (WriteResult& result : results) {
    if (result.failure) std::rethrow_exception(result.failure);
    std::ranges::move(result.messages, std::back_inserter(outcomes.messages));
  }
  std::ranges::sort(outcomes.messages);
}

}  // namespace anycast
