#include "socket.h"

#include <linux/filter.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "arguments.h"
#include "namespace.h"
#include "system_error.h"

// Datagrams that one call receives.
constexpr size_t kMostDatagrams = 16;

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
                         InstanceMethod<&Socket::StartWatch>("watch"),
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

Napi::Value Socket::StartWatch(const Napi::CallbackInfo& info) {
  if (!info[0].IsFunction()) {
    Refuse(info, "onReadable", "a function");
    return {};
  }
  return Napi::Number::New(info.Env(), watch_.Start(Value(), fd_.Get(), info[0].As<Napi::Function>()));
}

void Socket::Unwatch(const Napi::CallbackInfo&) { watch_.Stop(); }

void Socket::Close(const Napi::CallbackInfo&) { Shut(); }

// Lets go of everything; a second time does nothing.
void Socket::Shut() {
  watch_.Close();
  fd_ = Descriptor();
}
