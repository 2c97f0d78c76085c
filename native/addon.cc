#include <fcntl.h>
#include <napi.h>
#include <time.h>

#include "arguments.h"
#include "namespace.h"
#include "socket.h"

namespace {

Napi::Value OpenFile(const Napi::CallbackInfo& info) {
  const auto path = PathArgument(info, 0, "path");
  if (!path) return {};
  const auto netns = OptionalPathArgument(info, 1, "netnsPath");
  if (!netns) return {};
  const auto open = [&]() -> Outcome {
    return {Retry([&] { return ::open(path->c_str(), O_RDONLY | O_CLOEXEC); }), "open"};
  };
  const Outcome opened = info[1].IsUndefined() ? open() : InNamespace(*netns, open);
  return Napi::Number::New(info.Env(), opened.result);
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
  exports.Set("openFile", Napi::Function::New<OpenFile>(env, "openFile"));
  exports.Set("clockTick", Napi::Function::New<ClockTick>(env, "clockTick"));
  return exports;
}

}  // namespace

NODE_API_MODULE(ipvs, Init)
