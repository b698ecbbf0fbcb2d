import './set.js';
import '../fsck/fsck.int.spec.js';
