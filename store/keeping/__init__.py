"""Keeping: what an operator does with what is kept: proves it, copies it, moves it, erases it, decides."""
