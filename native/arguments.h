#pragma once

#include <optional>
#include <string>

#include "api.h"

// Readers of JavaScript arguments. Each gives nothing, with a TypeError pending, when the argument is of another type.
// Several may be read before one looks: the first TypeError stands.

struct Bytes {
  uint8_t* data;
  size_t size;
};

struct Integers {
  int32_t* data;
  size_t size;
};

inline std::nullopt_t Refuse(const Napi::CallbackInfo& info, const char* name, const char* expected) {
  if (!info.Env().IsExceptionPending()) {
    Napi::TypeError::New(info.Env(), std::string(name) + " must be " + expected).ThrowAsJavaScriptException();
  }
  return std::nullopt;
}

inline std::optional<int> IntegerArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (value.IsNumber()) {
    const auto number = value.As<Napi::Number>();
    if (number.DoubleValue() == number.Int32Value()) return number.Int32Value();
  }
  return Refuse(info, name, "a 32-bit integer");
}

inline std::optional<Bytes> BytesArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    auto array = value.As<Napi::Uint8Array>();
    return Bytes{array.Data(), array.ByteLength()};
  }
  return Refuse(info, name, "a Uint8Array");
}

// Numbers that JavaScript gets back.
inline std::optional<Integers> IntegersArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (value.IsTypedArray() && value.As<Napi::TypedArray>().TypedArrayType() == napi_int32_array) {
    auto array = value.As<Napi::Int32Array>();
    return Integers{array.Data(), array.ElementLength()};
  }
  return Refuse(info, name, "an Int32Array");
}

inline std::optional<std::string> PathArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  const Napi::Value value = info[index];
  if (value.IsString()) {
    const std::string path = value.As<Napi::String>();
    // The kernel would read up to the NUL and open something else.
    if (path.find('\0') == std::string::npos) return path;
  }
  return Refuse(info, name, "a string without NUL");
}

// A path that may be left out: then it is empty, which names no file.
inline std::optional<std::string> OptionalPathArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (info[index].IsUndefined()) return std::string();
  return PathArgument(info, index, name);
}
