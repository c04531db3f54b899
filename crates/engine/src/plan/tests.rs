//! Planning, case by case.
