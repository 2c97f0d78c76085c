#include "watch.h"

#include <errno.h>
#include <uv.h>

#include <memory>

// libuv goes on using a handle until its close callback runs, when the Watch may be long gone: so it is memory of its own,
// freed there, and `watch` is null from the moment of closing.
struct Watch::Poll {
  uv_poll_t handle;
  Watch* watch;
  napi_async_cleanup_hook_handle cleanup;

  static void OnReady(uv_poll_t* handle, int status, int /* events */) {
    auto* poll = static_cast<Poll*>(handle->data);
    // Netlink reports an overrun as POLLERR, for which libuv stops polling and says UV_EBADF. The descriptor is well:
    // poll on. First, for then the callback may still unwatch; and watching works again if it throws. It can't fail:
    // uv_poll_start() only refuses a descriptor that another handle polls.
    if (status < 0) uv_poll_start(handle, UV_READABLE, OnReady);
    poll->watch->Notify(status < 0);
  }

  // A worker is terminated, or node shuts down. This must be the asynchronous kind of hook: after a synchronous one
  // Node may unload this library before the close callback below has run, and crash (nodejs/node#43534).
  static void OnEnvironmentCleanup(napi_async_cleanup_hook_handle, void* data) {
    auto* poll = static_cast<Poll*>(data);
    if (poll->watch != nullptr) poll->watch->Close();
  }

  static void OnClosed(uv_handle_t* handle) {
    const std::unique_ptr<Poll> poll(static_cast<Poll*>(handle->data));
    napi_remove_async_cleanup_hook(poll->cleanup);
  }
};

int Watch::Start(Napi::Object self, int fd, Napi::Function callback) {
  if (poll_ == nullptr) {
    const int error = OpenPoll(self.Env(), fd);
    if (error < 0) return error;
  }
  const int error = uv_poll_start(&poll_->handle, UV_READABLE, Poll::OnReady);
  if (error < 0) return error;
  self_ = Napi::Persistent(self);
  callback_ = Napi::Persistent(callback);
  return 0;
}

// Prepares polling on the loop of the environment that this object lives in: each worker has its own, and
// uv_default_loop() is the main thread's. 0 or -errno.
int Watch::OpenPoll(Napi::Env env, int fd) {
  if (fd < 0) return -EBADF;
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) return -ENOTSUP;
  auto poll = std::make_unique<Poll>();
  const int error = uv_poll_init(loop, &poll->handle, fd);
  if (error < 0) return error;
  poll->handle.data = poll.get();
  poll->watch = this;
  napi_add_async_cleanup_hook(env, Poll::OnEnvironmentCleanup, poll.get(), &poll->cleanup);
  poll_ = poll.release();
  return 0;
}

void Watch::Notify(bool overrun) {
  const Napi::Env env = self_.Env();
  const Napi::HandleScope scope(env);
  // Keeps the object through the call, whatever that does: unwatch, close, drop the last reference and collect garbage.
  const Napi::Object self = self_.Value();
  // One for each call, which so starts outside every AsyncLocalStorage: one socket serves many callers and is none's.
  const Napi::AsyncContext context(env, "ipvs-ts.Socket", self);

  // In C, for node-addon-api can't report an uncaught exception. Where a worker is being terminated these calls fail
  // and nothing is left to do.
  const napi_value argument = Napi::Boolean::New(env, overrun);
  napi_value result = nullptr;
  const napi_status status = napi_make_callback(env, context, self, callback_.Value(), 1, &argument, &result);
  if (status != napi_pending_exception) return;
  napi_value exception = nullptr;
  if (napi_get_and_clear_last_exception(env, &exception) == napi_ok) napi_fatal_exception(env, exception);
}

void Watch::Stop() {
  if (callback_.IsEmpty()) return;
  uv_poll_stop(&poll_->handle);
  callback_.Reset();
  self_.Reset();
}

void Watch::Close() {
  Stop();
  if (poll_ == nullptr) return;
  poll_->watch = nullptr;
  uv_close(reinterpret_cast<uv_handle_t*>(&poll_->handle), Poll::OnClosed);
  poll_ = nullptr;
}

void Watch::Hold(bool hold) {
  if (poll_ == nullptr) return;
  auto* handle = reinterpret_cast<uv_handle_t*>(&poll_->handle);
  if (hold) {
    uv_ref(handle);
  } else {
    uv_unref(handle);
  }
}
