/** File systems on which other machines may write, by the magic number of Linux's statfs. */
const NETWORK: Readonly<Record<number, string>> = {
  26985: 'NFS',
  20859: 'SMB',
  4283649346: 'CIFS',
  4266872130: 'SMB',
  16914839: '9p (a share of a host or of WSL)',
  1702057286: 'FUSE or virtiofs',
  12805120: 'Ceph',
  198183888: 'Lustre',
  1397113167: 'AFS',
  1799439955: 'AFS',
  1937076805: 'Coda',
  1196443219: 'GPFS',
  428016422: 'BeeGFS',
  537068840: 'OrangeFS',
  2866260714: 'PanFS',
  1952539503: 'OCFS2',
  18225520: 'GFS2',
  22092: 'NCP',
  2020557398: 'a VirtualBox shared folder',
  3133910204: 'a VMware shared folder',
  2088527475: 'a Parallels shared folder',
}

/** What it is called, where a file system of that type (`statfs().type`) may be shared with other machines. Pure. */
export const networkFileSystem = (type: number): string | undefined => NETWORK[type >>> 0]
