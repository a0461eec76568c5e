//! The console's screens at the level of `update`: keys in, effects and screen text out.

#[path = "screens/harness.rs"]
mod harness;

#[path = "screens/doctor.rs"]
mod doctor;
#[path = "screens/look.rs"]
mod look;
#[path = "screens/narrow.rs"]
mod narrow;
#[path = "screens/robust.rs"]
mod robust;
#[path = "screens/sign_in.rs"]
mod sign_in;
#[path = "screens/tenants.rs"]
mod tenants;
#[path = "screens/triage.rs"]
mod triage;
