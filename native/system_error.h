#pragma once

#include <uv.h>

#include <string>

#include "api.h"
#include "namespace.h"

// An Error like those of node:fs: code 'EPERM', errno -1, syscall 'socket', and the path where there is one.
inline Napi::Error SystemError(Napi::Env env, const Outcome& outcome, const std::string& path = "") {
  const std::string code = uv_err_name(outcome.result);
  std::string message = code + ": " + uv_strerror(outcome.result) + ", " + outcome.syscall;
  if (!path.empty()) message += " '" + path + "'";
  Napi::Error error = Napi::Error::New(env, message);
  error.Set("errno", Napi::Number::New(env, outcome.result));
  error.Set("code", Napi::String::New(env, code));
  error.Set("syscall", Napi::String::New(env, outcome.syscall));
  if (!path.empty()) error.Set("path", Napi::String::New(env, path));
  return error;
}
