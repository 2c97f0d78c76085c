#include "socket.h"

#include <linux/filter.h>
#include <sys/socket.h>
#include <uv.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <vector>

#include "arguments.h"
#include "namespace.h"
#include "system_error.h"

// Datagrams that one call receives.
constexpr size_t kMostDatagrams = 16;

// The event loop's half of a socket. libuv goes on using a handle until its close callback runs, when the Socket may be
// long collected: so it is memory of its own, freed there, and `socket` is null from the moment of closing.
struct Socket::Poll {
  uv_poll_t handle;
  Socket* socket;
  napi_async_cleanup_hook_handle cleanup;

  static void OnReady(uv_poll_t* handle, int status, int /* events */) {
    auto* poll = static_cast<Poll*>(handle->data);
    // Netlink reports an overrun as POLLERR, for which libuv stops polling and says UV_EBADF. The descriptor is well:
    // poll on. First, for then the callback may still unwatch; and watching works again if it throws. It can't fail:
    // uv_poll_start() only refuses a descriptor that another handle polls.
    if (status < 0) uv_poll_start(handle, UV_READABLE, OnReady);
    poll->socket->Notify(status < 0);
  }

  // A worker is terminated, or node shuts down. This must be the asynchronous kind of hook: after a synchronous one
  // Node may unload this library before the close callback below has run, and crash (nodejs/node#43534).
  static void OnEnvironmentCleanup(napi_async_cleanup_hook_handle, void* data) {
    auto* poll = static_cast<Poll*>(data);
    if (poll->socket != nullptr) poll->socket->Shut();
  }

  static void OnClosed(uv_handle_t* handle) {
    const std::unique_ptr<Poll> poll(static_cast<Poll*>(handle->data));
    napi_remove_async_cleanup_hook(poll->cleanup);
  }
};

Napi::Function Socket::Define(Napi::Env env) {
  return DefineClass(env, "Socket",
                     {
                         InstanceMethod<&Socket::Bind>("bind"),
                         InstanceMethod<&Socket::Connect>("connect"),
                         InstanceMethod<&Socket::SetOption>("setOption"),
                         InstanceMethod<&Socket::GetOption>("getOption"),
                         InstanceMethod<&Socket::SetFilter>("setFilter"),
                         InstanceMethod<&Socket::LocalAddress>("localAddress"),
                         InstanceMethod<&Socket::Send>("send"),
                         InstanceMethod<&Socket::Receive>("receive"),
                         InstanceMethod<&Socket::ReceiveMany>("receiveMany"),
                         InstanceMethod<&Socket::Watch>("watch"),
                         InstanceMethod<&Socket::Unwatch>("unwatch"),
                         InstanceMethod<&Socket::Close>("close"),
                     });
}

Socket::Socket(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Socket>(info) {
  const auto domain = IntegerArgument(info, 0, "domain");
  const auto type = IntegerArgument(info, 1, "type");
  const auto protocol = IntegerArgument(info, 2, "protocol");
  const auto netns = OptionalPathArgument(info, 3, "netnsPath");
  if (!domain || !type || !protocol || !netns) return;

  const auto open = [&]() -> Outcome {
    return {Retry([&] { return socket(*domain, *type | SOCK_CLOEXEC | SOCK_NONBLOCK, *protocol); }), "socket"};
  };
  const Outcome opened = info[3].IsUndefined() ? open() : InNamespace(*netns, open);
  if (opened.result >= 0) {
    fd_ = Descriptor(opened.result);
  } else {
    SystemError(info.Env(), opened, opened.outside ? *netns : "").ThrowAsJavaScriptException();
  }
}

Napi::Value Socket::Bind(const Napi::CallbackInfo& info) {
  const auto address = BytesArgument(info, 0, "address");
  if (!address) return {};
  const auto* name = reinterpret_cast<const sockaddr*>(address->data);
  return Napi::Number::New(info.Env(), Retry([&] { return bind(fd_.Get(), name, address->size); }));
}

Napi::Value Socket::Connect(const Napi::CallbackInfo& info) {
  const auto address = BytesArgument(info, 0, "address");
  if (!address) return {};
  const auto* name = reinterpret_cast<const sockaddr*>(address->data);
  return Napi::Number::New(info.Env(), Retry([&] { return connect(fd_.Get(), name, address->size); }));
}

Napi::Value Socket::SetOption(const Napi::CallbackInfo& info) {
  const auto level = IntegerArgument(info, 0, "level");
  const auto name = IntegerArgument(info, 1, "name");
  const auto value = BytesArgument(info, 2, "value");
  if (!level || !name || !value) return {};
  return Napi::Number::New(info.Env(),
                           Retry([&] { return setsockopt(fd_.Get(), *level, *name, value->data, value->size); }));
}

Napi::Value Socket::GetOption(const Napi::CallbackInfo& info) {
  const auto level = IntegerArgument(info, 0, "level");
  const auto name = IntegerArgument(info, 1, "name");
  const auto into = BytesArgument(info, 2, "into");
  if (!level || !name || !into) return {};
  auto size = static_cast<socklen_t>(into->size);
  const int result = Retry([&] { return getsockopt(fd_.Get(), *level, *name, into->data, &size); });
  return Napi::Number::New(info.Env(), result < 0 ? result : static_cast<int>(size));
}

// An option whose value holds an address in memory, which JavaScript has none of.
Napi::Value Socket::SetFilter(const Napi::CallbackInfo& info) {
  const auto program = BytesArgument(info, 0, "program");
  if (!program) return {};
  std::vector<sock_filter> instructions(program->size / sizeof(sock_filter));
  if (instructions.empty() || instructions.size() > BPF_MAXINSNS) return Napi::Number::New(info.Env(), -EINVAL);
  // The bytes may lie anywhere, and instructions are aligned.
  std::memcpy(instructions.data(), program->data, instructions.size() * sizeof(sock_filter));
  const sock_fprog filter{static_cast<unsigned short>(instructions.size()), instructions.data()};
  return Napi::Number::New(
      info.Env(), Retry([&] { return setsockopt(fd_.Get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter); }));
}

Napi::Value Socket::LocalAddress(const Napi::CallbackInfo& info) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  auto* name = reinterpret_cast<sockaddr*>(&address);
  const int result = Retry([&] { return getsockname(fd_.Get(), name, &size); });
  if (result < 0) {
    SystemError(info.Env(), {result, "getsockname"}).ThrowAsJavaScriptException();
    return {};
  }
  return Napi::Buffer<uint8_t>::Copy(info.Env(), reinterpret_cast<uint8_t*>(&address), size);
}

Napi::Value Socket::Send(const Napi::CallbackInfo& info) {
  const auto data = BytesArgument(info, 0, "data");
  if (!data) return {};
  return Napi::Number::New(info.Env(),
                           Retry([&] { return send(fd_.Get(), data->data, data->size, MSG_DONTWAIT | MSG_NOSIGNAL); }));
}

Napi::Value Socket::Receive(const Napi::CallbackInfo& info) {
  const auto into = BytesArgument(info, 0, "into");
  if (!into) return {};
  return Napi::Number::New(info.Env(),
                           Retry([&] { return recv(fd_.Get(), into->data, into->size, MSG_DONTWAIT | MSG_TRUNC); }));
}

Napi::Value Socket::ReceiveMany(const Napi::CallbackInfo& info) {
  const auto into = BytesArgument(info, 0, "into");
  const auto lengths = IntegersArgument(info, 1, "lengths");
  if (!into || !lengths) return {};
  std::array<iovec, kMostDatagrams> rooms{};
  std::array<mmsghdr, kMostDatagrams> datagrams{};
  const size_t count = std::min(lengths->size, kMostDatagrams);
  const size_t room = count == 0 ? 0 : into->size / count;
  for (size_t i = 0; i < count; i++) {
    rooms[i] = {into->data + i * room, room};
    datagrams[i].msg_hdr.msg_iov = &rooms[i];
    datagrams[i].msg_hdr.msg_iovlen = 1;
  }
  const int received =
      Retry([&] { return recvmmsg(fd_.Get(), datagrams.data(), count, MSG_DONTWAIT | MSG_TRUNC, nullptr); });
  for (int i = 0; i < received; i++) lengths->data[i] = static_cast<int32_t>(datagrams[i].msg_len);
  return Napi::Number::New(info.Env(), received);
}

Napi::Value Socket::Watch(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!info[0].IsFunction()) {
    Refuse(info, "onReadable", "a function");
    return {};
  }
  if (poll_ == nullptr) {
    const int error = OpenPoll();
    if (error < 0) return Napi::Number::New(env, error);
  }
  const int error = uv_poll_start(&poll_->handle, UV_READABLE, Poll::OnReady);
  if (error < 0) return Napi::Number::New(env, error);
  // While watching, the event loop may call: the object must outlive its last JavaScript reference.
  if (callback_.IsEmpty()) Ref();
  callback_ = Napi::Persistent(info[0].As<Napi::Function>());
  return Napi::Number::New(env, 0);
}

void Socket::Unwatch(const Napi::CallbackInfo&) { Disarm(); }

void Socket::Close(const Napi::CallbackInfo&) { Shut(); }

// Prepares polling on the loop of the environment that this object lives in: each worker has its own, and
// uv_default_loop() is the main thread's. 0 or -errno.
int Socket::OpenPoll() {
  if (fd_.Get() < 0) return -EBADF;
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(Env(), &loop) != napi_ok) return -ENOTSUP;
  auto poll = std::make_unique<Poll>();
  const int error = uv_poll_init(loop, &poll->handle, fd_.Get());
  if (error < 0) return error;
  poll->handle.data = poll.get();
  poll->socket = this;
  napi_add_async_cleanup_hook(Env(), Poll::OnEnvironmentCleanup, poll.get(), &poll->cleanup);
  poll_ = poll.release();
  return 0;
}

void Socket::Notify(bool overrun) {
  const Napi::Env env = Env();
  const Napi::HandleScope scope(env);
  // Keeps this object through the call, whatever that does: unwatch, close, drop the last reference and collect
  // garbage.
  const Napi::Object self = Value();
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

void Socket::Disarm() {
  if (callback_.IsEmpty()) return;
  uv_poll_stop(&poll_->handle);
  callback_.Reset();
  Unref();
}

// Lets go of everything; a second time does nothing. The handle goes before the descriptor: libuv must not poll a
// number that the process may have given to another file.
void Socket::Shut() {
  Disarm();
  if (poll_ != nullptr) {
    poll_->socket = nullptr;
    uv_close(reinterpret_cast<uv_handle_t*>(&poll_->handle), Poll::OnClosed);
    poll_ = nullptr;
  }
  fd_ = Descriptor();
}
