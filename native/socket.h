#pragma once

#include "api.h"
#include "descriptor.h"
#include "watch.h"

// A socket as JavaScript sees it; src/linux/native.ts documents every method. It knows no protocol.
class Socket : public Napi::ObjectWrap<Socket> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit Socket(const Napi::CallbackInfo& info);
  // The garbage collector's way out for a socket nobody closed.
  ~Socket() override { Shut(); }

 private:
  Napi::Value Bind(const Napi::CallbackInfo& info);
  Napi::Value Connect(const Napi::CallbackInfo& info);
  Napi::Value SetOption(const Napi::CallbackInfo& info);
  Napi::Value GetOption(const Napi::CallbackInfo& info);
  Napi::Value SetFilter(const Napi::CallbackInfo& info);
  Napi::Value LocalAddress(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value ReceiveMany(const Napi::CallbackInfo& info);
  Napi::Value StartWatch(const Napi::CallbackInfo& info);
  void Unwatch(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  void Shut();

  Descriptor fd_;
  Watch watch_;
};
