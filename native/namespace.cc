#include "namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <uv.h>

#include "descriptor.h"

namespace {

struct Errand {
  const std::string& path;
  const std::function<Outcome()>& action;
  Outcome outcome;
};

Outcome Enter(const std::string& path) {
  const Descriptor file(Retry([&] { return open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (file.Get() < 0) return {file.Get(), "open", true};
  return {Retry([&] { return setns(file.Get(), CLONE_NEWNET); }), "setns", true};
}

void Run(void* data) {
  auto* errand = static_cast<Errand*>(data);
  errand->outcome = Enter(errand->path);
  if (errand->outcome.result >= 0) errand->outcome = errand->action();
}

}  // namespace

Outcome InNamespace(const std::string& path, const std::function<Outcome()>& action) {
  Errand errand{path, action, {}};
  // Not std::thread: built without C++ exceptions it would abort the process where no thread is to be had (a
  // container's pids limit), and this returns the error.
  uv_thread_t thread;
  const int error = uv_thread_create(&thread, Run, &errand);
  if (error < 0) return {error, "pthread_create", true};
  uv_thread_join(&thread);
  return errand.outcome;
}
