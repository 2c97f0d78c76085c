#include <fcntl.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>

#include "api.h"
#include "arguments.h"
#include "namespace.h"
#include "socket.h"
#include "socket_set.h"
#include "system_error.h"

namespace {

// O_CREAT is left out: whoever wants a file made has node:fs, and open() would read its mode from nowhere.
Napi::Value OpenFile(const Napi::CallbackInfo& info) {
  const auto path = PathArgument(info, 0, "path");
  const auto flags = IntegerArgument(info, 1, "flags");
  const auto netns = OptionalPathArgument(info, 2, "netnsPath");
  if (!path || !flags || !netns) return {};
  const auto open = [&]() -> Outcome {
    return {Retry([&] { return ::open(path->c_str(), (*flags & ~O_CREAT) | O_CLOEXEC); }), "open"};
  };
  const Outcome opened = info[2].IsUndefined() ? open() : InNamespace(*netns, open);
  if (opened.outside && opened.result < 0) {
    SystemError(info.Env(), opened, *netns).ThrowAsJavaScriptException();
    return {};
  }
  return Napi::Number::New(info.Env(), opened.result);
}

// Never waits: that would hold the event loop.
Napi::Value Flock(const Napi::CallbackInfo& info) {
  const auto descriptor = IntegerArgument(info, 0, "descriptor");
  const auto operation = IntegerArgument(info, 1, "operation");
  if (!descriptor || !operation) return {};
  return Napi::Number::New(info.Env(), Retry([&] { return flock(*descriptor, *operation | LOCK_NB); }));
}

// Of a unix socket that is Node's: the descriptor stays Node's, too.
Napi::Value PeerCredentials(const Napi::CallbackInfo& info) {
  const auto descriptor = IntegerArgument(info, 0, "descriptor");
  const auto into = IntegersArgument(info, 1, "into");
  if (!descriptor || !into) return {};
  if (into->size < 3) return Napi::Number::New(info.Env(), -EINVAL);
  ucred peer{};
  socklen_t size = sizeof peer;
  const int result = Retry([&] { return getsockopt(*descriptor, SOL_SOCKET, SO_PEERCRED, &peer, &size); });
  if (result == 0) {
    into->data[0] = peer.pid;
    into->data[1] = static_cast<int32_t>(peer.uid);
    into->data[2] = static_cast<int32_t>(peer.gid);
  }
  return Napi::Number::New(info.Env(), result);
}

// The coarse clocks advance once a jiffy, and their resolution is public where CONFIG_HZ is not.
Napi::Value ClockTick(const Napi::CallbackInfo& info) {
  timespec tick{};
  clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
  return Napi::Number::New(info.Env(), tick.tv_sec * 1e9 + tick.tv_nsec);
}

// Nothing here is static: each worker that loads the addon gets a class of its own.
Napi::Object Init(Napi::Env env, Napi::Object exports) {
  exports.Set("Socket", Socket::Define(env));
  exports.Set("SocketSet", SocketSet::Define(env));
  exports.Set("openFile", Napi::Function::New<OpenFile>(env, "openFile"));
  exports.Set("flock", Napi::Function::New<Flock>(env, "flock"));
  exports.Set("peerCredentials", Napi::Function::New<PeerCredentials>(env, "peerCredentials"));
  exports.Set("clockTick", Napi::Function::New<ClockTick>(env, "clockTick"));
  return exports;
}

}  // namespace

NODE_API_MODULE(ipvs, Init)
