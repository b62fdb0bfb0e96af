// Starts threads.
#pragma once

#include <cstring>
#include <system_error>
#include <thread>
#include <utility>

#include "errors.h"

namespace anycast {

// Runs `body` on a new thread. Throws SystemError when the system has none left: pthread_create(3), EAGAIN.
template <typename Body>
std::thread StartThread(Body body) {
  try {
    return std::thread(std::move(body));
  } catch (const std::system_error& error) {
    const int number = error.code().value();
    throw SystemError(number, "pthread_create",
                      std::string("no thread can be started: ") + std::strerror(number));
  }
}

}  // namespace anycast
