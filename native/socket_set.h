#pragma once

#include <sys/socket.h>

#include <string>
#include <vector>

#include "api.h"
#include "descriptor.h"
#include "watch.h"

// Many sockets behind one descriptor of epoll, as JavaScript sees them: by their numbers. src/linux/native.ts documents every
// method. A socket of Node is twenty times as dear, and a health check has one for each run: that is ten thousand a second.
class SocketSet : public Napi::ObjectWrap<SocketSet> {
 public:
  static Napi::Function Define(Napi::Env env);

  explicit SocketSet(const Napi::CallbackInfo& info);
  ~SocketSet() override { Shut(); }

 private:
  Napi::Value Connect(const Napi::CallbackInfo& info);
  Napi::Value Ready(const Napi::CallbackInfo& info);
  Napi::Value IsOwnPeer(const Napi::CallbackInfo& info);
  Napi::Value Send(const Napi::CallbackInfo& info);
  Napi::Value Receive(const Napi::CallbackInfo& info);
  Napi::Value Release(const Napi::CallbackInfo& info);
  Napi::Value CloseOne(const Napi::CallbackInfo& info);
  Napi::Value StartWatch(const Napi::CallbackInfo& info);
  void Hold(const Napi::CallbackInfo& info);
  void End(const Napi::CallbackInfo& info);

  struct Call;
  // Whether a descriptor is one of this set: JavaScript must not get at any other.
  enum class State : uint8_t { kNone, kOpen, kIdle };

  int Open(const Call& call);
  int Begin(Descriptor opened, const Call& call);
  // Makes a socket one that calls nobody, to be used again. False: it must be closed.
  bool Idle(int fd);
  State& StateOf(int fd);
  // The socket of that number, or -1 where it is none of this set.
  int Find(const Napi::CallbackInfo& info);
  void Shut();

  Descriptor epoll_;
  Watch watch_;
  std::vector<State> states_;
  // By the number too: the family of a socket that can call again; 0 of any other.
  std::vector<sa_family_t> plain_;
  // Sockets that can call again: by connect(2) twice, where a new one takes four calls.
  std::vector<int> idle_ipv4_;
  std::vector<int> idle_ipv6_;
};
