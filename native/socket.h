#pragma once

#include "api.h"
#include "descriptor.h"

// A socket as JavaScript sees it; src/linux/native.ts documents every method. It knows no protocol.
class Socket : public Napi::ObjectWrap<Socket> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit Socket(const Napi::CallbackInfo& info);
  // The garbage collector's way out for a socket nobody closed.
  ~Socket() override { Shut(); }

 private:
  struct Poll;

  Napi::Value Bind(const Napi::CallbackInfo& info);
  Napi::Value Connect(const Napi::CallbackInfo& info);
  Napi::Value SetOption(const Napi::CallbackInfo& info);
  Napi::Value GetOption(const Napi::CallbackInfo& info);
  Napi::Value SetFilter(const Napi::CallbackInfo& info);
  Napi::Value LocalAddress(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value ReceiveMany(const Napi::CallbackInfo& info);
  Napi::Value Watch(const Napi::CallbackInfo& info);
  void Unwatch(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  int OpenPoll();
  void Notify(bool overrun);
  void Disarm();
  void Shut();

  Descriptor fd_;
  // Made by the first watch(), gone with the socket. Owned by the event loop.
  Poll* poll_ = nullptr;
  // Whom to tell; empty while not watching.
  Napi::FunctionReference callback_;
};
