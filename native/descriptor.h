#pragma once

#include <errno.h>
#include <unistd.h>

#include <utility>

// Owns one file descriptor and closes it when it goes.
class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(other.Release()) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    // Never retried: Linux has let go of the number even when close() was interrupted.
    if (fd_ >= 0) close(fd_);
  }

  // The number, or -1: then every system call on it answers EBADF, which is what callers of a closed socket see.
  int Get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_ = -1;
};

// Makes a system call until no signal interrupts it. Its result, or -errno.
template <typename Call>
auto Retry(Call call) -> decltype(call()) {
  for (;;) {
    const auto result = call();
    if (result >= 0) return result;
    if (errno != EINTR) return -errno;
  }
}
