// The exceptions of this addon. js_errors.cc converts them to JavaScript errors.
#pragma once

#include <cstddef>
#include <exception>
#include <stdexcept>
#include <string>
#include <utility>

namespace anycast {

// A system call or a whole netlink exchange failed.
struct SystemError : std::runtime_error {
  SystemError(int number, std::string call, const std::string& text)
      : std::runtime_error(text), number(number), call(std::move(call)) {}
  int number;        // errno
  std::string call;  // the system call, such as "setns"
};

// A batch is malformed. Nothing of it was sent.
struct RecordError : std::runtime_error {
  RecordError(size_t index, std::string field, const std::string& reason)
      : std::runtime_error("record " + std::to_string(index) + ": " + field + " " + reason),
        index(index),
        field(std::move(field)) {}
  size_t index;
  std::string field;
};

// The socket was closed before this request began. It takes no memory: Task::Cancel() can not fail.
struct ClosedError : std::exception {
  const char* what() const noexcept override { return "the route socket is closed"; }
};

}  // namespace anycast
