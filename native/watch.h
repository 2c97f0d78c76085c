#pragma once

#include "api.h"

// The event loop's eye on one descriptor, and whom it tells. Whoever owns the descriptor closes this first: libuv must not poll a
// number that the process may have given to another file.
class Watch {
 public:
  Watch() = default;
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { Close(); }

  // Calls `callback` on `self` whenever there is something to receive, with whether something was dropped. The loop may call as
  // long as this lasts: `self` outlives its last JavaScript reference. 0 or -errno.
  int Start(Napi::Object self, int fd, Napi::Function callback);
  void Stop();
  void Close();
  // Whether it holds the process open, which it does at first.
  void Hold(bool hold);

 private:
  struct Poll;

  int OpenPoll(Napi::Env env, int fd);
  void Notify(bool overrun);

  // Made by the first Start(), gone with Close(). Owned by the event loop.
  Poll* poll_ = nullptr;
  // Both are empty while nobody is to be told.
  Napi::FunctionReference callback_;
  Napi::ObjectReference self_;
};
