import './set.js';
import '../queries/queries.int.spec.js';
