// Scalar functions, each beside its slope, shared by all backends. The slope is given in terms of x
// (the input), so an op keeps its input and nothing else.
//
// The one macro of the project is here: it marks a function as callable from host and device.
#pragma once

#include <cmath>

#include "kernels/view.h"

#ifdef __CUDACC__
#define CHORALE_EVERYWHERE __host__ __device__
#else
#define CHORALE_EVERYWHERE
#endif

namespace chorale {

enum class Scalar { leaky_relu, tanh, sigmoid, softplus, log, exp };

// softplus(x) = log(1 + e^x), without overflow for any x.
template <class T>
CHORALE_EVERYWHERE inline T softplus(T x) {
  return (x > T(0) ? x : T(0)) + std::log1p(std::exp(x > T(0) ? -x : x));
}

// sigmoid(x) = 1 / (1 + e^-x), without overflow for any x.
template <class T>
CHORALE_EVERYWHERE inline T sigmoid(T x) {
  const T e = std::exp(x > T(0) ? -x : x);
  return (x > T(0) ? T(1) : e) / (T(1) + e);
}

// f(x); `parameter` is the slope below zero for leaky_relu, unused by the others.
template <class T>
CHORALE_EVERYWHERE inline T apply(Scalar f, T parameter, T x) {
  switch (f) {
    case Scalar::leaky_relu:
      return x > T(0) ? x : parameter * x;
    case Scalar::tanh:
      return std::tanh(x);
    case Scalar::sigmoid:
      return sigmoid(x);
    case Scalar::softplus:
      return softplus(x);
    case Scalar::log:
      return std::log(x);
    case Scalar::exp:
      return std::exp(x);
  }
  return x;
}

// f'(x). At the kink of leaky_relu: the slope below zero.
template <class T>
CHORALE_EVERYWHERE inline T slope(Scalar f, T parameter, T x) {
  switch (f) {
    case Scalar::leaky_relu:
      return x > T(0) ? T(1) : parameter;
    case Scalar::tanh: {
      const T y = std::tanh(x);
      return T(1) - y * y;
    }
    case Scalar::sigmoid: {
      const T y = sigmoid(x);
      return y * (T(1) - y);
    }
    case Scalar::softplus:
      return sigmoid(x);
    case Scalar::log:
      return T(1) / x;
    case Scalar::exp:
      return std::exp(x);
  }
  return T(1);
}

}  // namespace chorale
