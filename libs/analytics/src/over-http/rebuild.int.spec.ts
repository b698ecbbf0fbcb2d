import './set.js';
import '../rebuild/rebuild.int.spec.js';
