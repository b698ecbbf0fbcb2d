import './set.js';
import '../writer/writer.int.spec.js';
