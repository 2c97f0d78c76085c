#pragma once

#include <functional>
#include <string>

// What came of a chain of system calls: a result >= 0, or the -errno and name of the call that failed.
struct Outcome {
  int result;
  const char* syscall;
  // It failed on the way into the namespace: nothing was done there.
  bool outside = false;
};

// Runs `action` inside the network namespace that the file at `path` stands for (/run/netns/NAME, /proc/PID/ns/net).
//
// A namespace belongs to a thread. Calling setns() here and back again afterwards would leave the process in the wrong
// namespace should the second call fail, so a thread of its own goes there and ends. Sockets and open files keep the
// namespace they were made in. The caller waits: about a tenth of a millisecond.
Outcome InNamespace(const std::string& path, const std::function<Outcome()>& action);
