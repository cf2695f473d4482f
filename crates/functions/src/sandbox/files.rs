//! Which files of the host a function sees: programs and libraries of the system, its interpreter,
//! and the part of `/etc` that C libraries and TLS look into.

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// Programs and libraries. Where one is a link, as `/bin` often is, the link is made anew.
pub(crate) const SYSTEM: [&str; 9] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
];

/// What of `/etc` is the host's. Each is named once more if it is a link that leads elsewhere.
pub(crate) const ETC: [&str; 16] = [
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "host.conf",
    "hosts",
    "ld.so.cache",
    "ld.so.conf",
    "ld.so.conf.d",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "pki/ca-trust",
    "pki/tls",
    "resolv.conf",
    "ssl/certs",
    "ssl/openssl.cnf",
];

/// Devices that give or take bytes and nothing else.
pub(crate) const DEVICES: [&str; 5] = ["null", "zero", "full", "random", "urandom"];

/// The user that functions are inside, with AWS's name and numbers.
pub(crate) const USER: u32 = 993;
pub(crate) const GROUP: u32 = 990;
const PASSWD: &str = "\
root:x:0:0:root:/root:/sbin/nologin
sbx_user1051:x:993:990::/tmp:/sbin/nologin
nobody:x:65534:65534:nobody:/:/sbin/nologin
";
const GROUPS: &str = "root:x:0:\nsbx_user1051:x:990:\nnogroup:x:65534:\n";

/// Fills `folder` with what becomes `/etc`: users of its own, and an empty place for each thing
/// that is the host's. Made once; the contents come when an environment starts, as they are then.
pub(crate) fn make_etc(folder: &Path) -> io::Result<()> {
    make_folder(folder)?;
    write_file(&folder.join("passwd"), PASSWD)?;
    write_file(&folder.join("group"), GROUPS)?;
    for name in ETC {
        let (host, place) = (Path::new("/etc").join(name), folder.join(name));
        let Ok(found) = fs::metadata(&host) else {
            continue;
        };
        if let Some(parent) = place.parent() {
            make_folder(parent)?;
        }
        if found.is_dir() {
            make_folder(&place)?;
        } else {
            write_file(&place, "")?;
        }
    }
    let mounts = folder.join("mtab");
    if fs::symlink_metadata(&mounts).is_err() {
        symlink("/proc/self/mounts", mounts)?;
    }
    Ok(())
}

/// A folder that every user may enter, whatever the server's umask.
pub(crate) fn make_folder(folder: &Path) -> io::Result<()> {
    if !folder.is_dir() {
        if let Some(parent) = folder.parent() {
            make_folder(parent)?;
        }
        fs::create_dir(folder)?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// A file that every user may read, whatever the server's umask.
pub(crate) fn write_file(file: &Path, text: &str) -> io::Result<()> {
    fs::write(file, text)?;
    fs::set_permissions(file, fs::Permissions::from_mode(0o644))
}

/// What an interpreter at `program` needs that is not of the system: of the folder it was
/// installed into, programs and libraries. Nothing else of it, because that folder may well be
/// somebody's home.
pub(crate) fn of_interpreter(program: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let real = fs::canonicalize(program).unwrap_or_else(|_| program.to_path_buf());
    // The program of a virtual environment is a link; both ends are needed.
    for program in [program, &real] {
        let installed = program
            .parent()
            .filter(|folder| folder.ends_with("bin"))
            .and_then(Path::parent);
        let parts = match installed {
            Some(installed) => of_prefix(installed),
            None => vec![program.to_path_buf()],
        };
        for part in parts {
            if part.exists() && !is_of_system(&part) && !found.contains(&part) {
                found.push(part);
            }
        }
    }
    found
}

/// The same of the folder that an interpreter says it was installed into. That, too, may be
/// somebody's home, or all of the host: `node` takes it to be two steps above itself.
pub(crate) fn of_prefix(installed: &Path) -> Vec<PathBuf> {
    ["bin", "lib", "lib64", "pyvenv.cfg"]
        .map(|part| installed.join(part))
        .to_vec()
}

/// What of these paths has to be shown by itself: not what is of the system, nor what lies in
/// another one.
pub(crate) fn outermost(mut paths: Vec<PathBuf>) -> Vec<PathBuf> {
    paths.sort_unstable();
    let mut kept: Vec<PathBuf> = Vec::new();
    for path in paths {
        let is_in = kept.last().is_some_and(|last| path.starts_with(last));
        if !is_in && !is_of_system(&path) && path.exists() {
            kept.push(path);
        }
    }
    kept
}

/// Whether a function sees the file anyway.
fn is_of_system(path: &Path) -> bool {
    SYSTEM.iter().any(|folder| path.starts_with(folder))
}
