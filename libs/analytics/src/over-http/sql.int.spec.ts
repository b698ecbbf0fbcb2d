import './set.js';
import '../queries/sql.int.spec.js';
