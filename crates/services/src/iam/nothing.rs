//! What deploy tools ask for before they delete a user or a role, and what can't be there: there
//! are no console passwords, MFA devices, certificates, SSH keys and SAML providers here, and no
//! call that makes one is served.

use aws::ServiceError;
use json::{ObjectBuilder, Value};

use super::account::Account;
use super::user::User;
use super::{list, no_such_entity};
use crate::{Answer, Call};

/// A list of a user's things, which is empty; the user must be there.
fn of_user(
    account: &Account<'_>,
    call: &Call,
    member: &'static str,
) -> Result<Answer, ServiceError> {
    account.named::<User>(call)?;
    list::answer(call, member, member, Vec::new())
}

pub(super) fn mfa_devices(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    of_user(account, call, "MFADevices")
}

pub(super) fn ssh_public_keys(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    of_user(account, call, "SSHPublicKeys")
}

pub(super) fn signing_certificates(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    of_user(account, call, "Certificates")
}

pub(super) fn service_credentials(
    account: &Account<'_>,
    call: &Call,
) -> Result<Answer, ServiceError> {
    of_user(account, call, "ServiceSpecificCredentials")
}

pub(super) fn virtual_mfa_devices(_: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let member = "VirtualMFADevices";
    list::answer(call, member, member, Vec::new())
}

pub(super) fn server_certificates(_: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let member = "ServerCertificateMetadataList";
    list::answer(call, member, member, Vec::new())
}

/// Not paged.
pub(super) fn saml_providers(_: &Account<'_>, _: &Call) -> Result<Answer, ServiceError> {
    let none = Value::empty_array();
    Ok(ObjectBuilder::new().add("SAMLProviderList", none).into())
}

/// GetLoginProfile and DeleteLoginProfile.
pub(super) fn login_profile(account: &Account<'_>, call: &Call) -> Result<Answer, ServiceError> {
    let user = account.named::<User>(call)?;
    let message = format!("Login Profile for User {} cannot be found.", user.name);
    Err(no_such_entity(message))
}
