//! A folder that a store is about to be made in, and that is empty again if nothing comes of it.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::lock::LOCK;
use crate::manifest::{TEMPORARY, parse_name};
use crate::recovery::FOLDERS;
use crate::vfs::Vfs;

/// A claimed folder. Dropped before [`NewFolder::keep`], all that a store puts into a folder is removed, and the folder too if it was not
/// there before.
pub(crate) struct NewFolder {
    vfs: Arc<dyn Vfs>,
    path: PathBuf,
    made: bool,
    kept: bool,
}

impl NewFolder {
    /// Claims `path`, which must not be there or be an empty folder, and must not lie in the folder `store`.
    ///
    /// # Errors
    /// `INVALID_REQUEST`, `FILE_NOT_FOUND` (no parent folder), `PERMISSION_DENIED`, `IO`.
    pub fn claim(vfs: &Arc<dyn Vfs>, path: &Path, store: &Path) -> Result<NewFolder> {
        let io = |operation, e: &std::io::Error| Error::io(operation, path, e);
        let there = match vfs.list(path) {
            Ok(entries) if entries.is_empty() => true,
            Ok(_) => {
                return Err(Error::invalid(format!(
                    "{} is not empty: choose a new or an empty folder",
                    path.display()
                )));
            }
            Err(e) if e.kind() == ErrorKind::NotFound => false,
            Err(e) if e.kind() == ErrorKind::NotADirectory => {
                return Err(Error::invalid(format!("{} is a file", path.display())));
            }
            Err(e) => return Err(io("list", &e)),
        };
        let outer = if there {
            Some(path)
        } else {
            path.parent().filter(|p| !p.as_os_str().is_empty())
        };
        let outer = outer.unwrap_or(Path::new("."));
        let real = |p: &Path| vfs.canonical(p).map_err(|e| Error::io("find", p, &e));
        if real(outer)?.starts_with(real(store)?) {
            return Err(Error::invalid(format!(
                "{} lies in the store itself: choose a folder elsewhere",
                path.display()
            )));
        }
        if !there {
            vfs.create_dir(path)
                .map_err(|e| io("create the folder", &e))?;
        }
        Ok(NewFolder {
            vfs: vfs.clone(),
            path: path.to_path_buf(),
            made: !there,
            kept: false,
        })
    }

    /// What was put into the folder stays.
    pub fn keep(mut self) {
        self.kept = true;
    }

    /// Removes what a store has in its folder, the manifests first: a part of a store is none. Other things stay.
    pub fn clear(&self) {
        let list = |folder: &Path| self.vfs.list(folder).unwrap_or_default();
        let remove = |path: &Path| drop(self.vfs.remove(path));
        let entries = list(&self.path);
        for entry in entries.iter().filter(|e| !e.is_dir) {
            if parse_name(&entry.name).is_some() || [TEMPORARY, LOCK].contains(&&*entry.name) {
                remove(&self.path.join(&entry.name));
            }
        }
        for folder in FOLDERS.map(|name| self.path.join(name)) {
            for entry in list(&folder) {
                let path = folder.join(&entry.name);
                if entry.is_dir {
                    for file in list(&path) {
                        remove(&path.join(&file.name));
                    }
                    let _ = self.vfs.remove_dir(&path);
                } else {
                    remove(&path);
                }
            }
            let _ = self.vfs.remove_dir(&folder);
        }
    }
}

impl Drop for NewFolder {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        self.clear();
        if self.made {
            let _ = self.vfs.remove_dir(&self.path);
        }
    }
}
